-- Fields of records that a system's API reference does not name, from when they were first seen; each is told to people once.
CREATE TABLE core.known_fields (system VARCHAR, field VARCHAR, told BOOLEAN, since TIMESTAMPTZ);
