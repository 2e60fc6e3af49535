"""Words that tell an organisation, a household or a placeholder from a person, in the languages of our merchants.

Compared in lower case without dots (`e.V.` is `ev`); the sets are data, the rules that use them are in `name_kinds`.
"""

from __future__ import annotations

from mappings.transforms.typed_text import word_set

LEGAL_FORMS = word_set(
    """gmbh ggmbh mbh kgaa ohg gbr partg partgmbb a/s i/s k/s p/s aps asa enk nuf oyj aktiebolag aktiebolaget
    aktiengesellschaft handelsbolag ltd limited plc llp llc lllp inc incorporated corp corporation pty pte pvt
    sarl sàrl eurl sasu scop scea gaec bvba sprl srl cvba vof srls slu sll slne ltda lda eireli unipessoal spzoo
    jdoo kft zrt nyrt kkt eood ооо зао оао пао тов еоод оод mbü osaühing şti anonimşirketi wll fze fzco fzllc
    fz-llc saog saoc pjsc qpsc kscc kscp bscc cjsc jsc dmcc επε ικε μεπε 股份有限公司 有限公司 有限责任公司
    株式会社 有限会社 合同会社 주식회사 유한회사"""
)
"""Forms that are no word, name or initial in any language: in any case, anywhere but in front."""

SHORT_FORMS = word_set(
    """AS AG AB SA SE KG UG DA BA BV NV SL SC SPA SNC SAS OY OÜ KF HB LP UD TBK BHD SDN AD EOOD DOO SRO EK EG EV
    EST ANS BSC KSC PSC AŞ BT АД ИП ЧП ТОО АО ΑΕ ΕΕ ΟΕ"""
)
"""Forms that could be somebody's name: only in capitals or with dots inside (`e.K.`), where forms stand: at the end."""

LOWER_SHORT_FORMS = word_set("as ag ab kg bv nv oy ug sl")
"""The same written small, at the end of a text that is written small throughout."""

LEADING_FORMS = word_set(
    """ооо зао оао пао тов stichting fundación fundacion asociación asociacion associazione association fundação
    associação vereniging stiftung stiftelsen verein förderverein firma società societa société societe sociedad
    ditta messrs شركة شركه مؤسسة مؤسسه موسسة مجموعة مجموعه جمعية جمعيه مصنع مكتب مطعم مطاعم مقهى كافيه كوفي
    صيدلية صيدليه مستشفى مدرسة مدرسه مدارس جامعة جامعه فندق متجر محل محلات بنك وزارة وزاره بلدية بلديه مركز مخبز
    مخابز معرض ورشة ورشه عيادة عياده عيادات مجمع أسواق اسواق سوق صالون مغسلة مغسله مطبخ مطابخ حلويات بقالة بقاله
    سوبرماركت هايبر ملحمة حلاق كلية كليه معهد نادي هيئة هيئه دار"""
)
"""Words that make an organisation of what follows."""

TRADES = word_set(
    """restaurant restaurante ristorante restauracja restoran restauranten trattoria osteria pizzeria pizzaria
    brasserie bistro bistrot steakhouse imbiss kebab sushi café cafe caffè caffe kafe kafé kaffebar kafeteria
    cafeteria kawiarnia kavarna coffee gelateria eisdiele eiscafé konditorei patisserie pâtisserie pasticceria
    bäckerei baeckerei bakeri bageri bakery bakkerij boulangerie panadería panaderia panificio piekarnia pekárna
    padaria metzgerei fleischerei slagerij boucherie carnicería macelleria butchers slakteri hotel hôtel hotell
    otel hostel pension gasthaus gasthof landgasthof wirtshaus brauhaus ratskeller weingut brauerei vinothek
    albergo auberge posada gjestehus camping resort apotheke apotek apotheek pharmacie farmacia farmácia apteka
    eczane eczanesi pharmacy drogerie drugstore praxis gemeinschaftspraxis zahnarztpraxis kanzlei anwaltskanzlei
    rechtsanwälte steuerberater steuerkanzlei notariat arztpraxis tannlegekontor legekontor legesenter klinikk
    klinikken klinik clinic clinique clínica clinica hospital hôpital krankenhaus sykehus ziekenhuis szpital
    hastanesi amt finanzamt jugendamt landratsamt bezirksamt rathaus gemeinde stadtverwaltung stadtwerke
    landkreis ministerium ministry ministerie kommune fylkeskommune municipality ayuntamiento mairie urząd gmina
    belediyesi schule grundschule gymnasium realschule hochschule universität universitaet university université
    universidad universidade università universitet üniversitesi skole skolen school college kindergarten
    barnehage colegio escola écoles uniwersytet szkoła okulu instituto institut institute verein sportverein
    förderverein turnverein idrettslag idrettsforening forening borettslag sameie velforening stiftelse stiftung
    foundation fondation fundación association associação associazione asociación verband genossenschaft
    vereniging stowarzyszenie derneği vakfı kirchengemeinde pfarramt feuerwehr bygg eiendom rørleggerservice
    elektriker rørlegger entreprenør maskinservice transport transporte transporter transports transportes
    spedition logistik logistics logistikk logística frakt kurier cargo shipping handels import export trading
    traders trade establishment contracting contractors construction constructions construcciones constructora
    construtora builders inşaat gıda tekstil otomotiv turizm mağazası lokantası trust holding holdings group gruppe
    gruppen groupe grupo gruppo konsern consulting consultants beratung rådgivning conseil consultoría services
    servicios solutions systems systeme technologies technology teknoloji software medien productions produktion
    company companies compagnie enterprises enterprise international industries industri manufacturing factory
    fabrik werkstatt verksted garage autohaus autowerkstatt automobile bilverksted taller officina warsztat shop
    butikk boutique supermarket supermarkt supermercado supermarché süpermarket minimarket hypermarket kiosk
    getränkemarkt baumarkt gartencenter großhandel grosshandel einzelhandel wholesale friseur friseursalon
    frisør frisørsalong coiffeur peluquería kapsalon barbershop kuaför kosmetikstudio nagelstudio tattoostudio
    fitnessstudio tanzschule fahrschule reisebüro immobilien hausverwaltung immobiliare inmobiliaria immobilier
    eiendomsmegling versicherung versicherungen forsikring insurance sparkasse volksbank raiffeisenbank
    gartenbau tiefbau hochbau metallbau holzbau maschinenbau stahlbau dachdecker sanitär heizungsbau
    elektrotechnik gebäudereinigung reinigung rengjøring laundry schreinerei tischlerei zimmerei gärtnerei
    druckerei schlosserei malerbetrieb catering partyservice eventagentur agentur agency agence agencia
    werbeagentur redaktion verlag forlag publishing theater theatre teater museum bibliothek bibliotek library
    club klub taxi apartments ferienwohnung ferienwohnungen regnskap regnskapskontor bokhandel blomster blumen
    blumenladen floristik juwelier schmuckwaren optiker optikk möbel møbler abteilung buchhaltung sekretariat
    department einkaufsabteilung empfang zentrale filiale niederlassung firma firmaet entreprise empresa impresa
    azienda ditta przedsiębiorstwo zakład sklep hurtownia spółka společnost şirketi ticaret sanayi pazarlama
    bedrijf bouwbedrijf ristorazione alimentari parrucchiere tabacchi fhu pphu phu ets магазин ресторан кафе
    аптека компания завод школа больница гостиница салон 公司 商店 餐厅 酒店 银行 学校 大学 医院 集团 工厂 株式
    商事 회사 식당 학교 은행 병원"""
)
"""Words that only an organisation has in its name."""

TRADE_ENDINGS = "|".join(
    word_set(
        """bäckerei baeckerei metzgerei fleischerei konditorei schreinerei tischlerei gärtnerei druckerei brauerei
        schlosserei apotheke praxis kanzlei verein verband gesellschaft agentur zentrum verwaltung genossenschaft
        universität hochschule grundschule gemeinde werkstatt restaurant gasthof gasthaus klinik krankenhaus
        finanzamt schulamt ordnungsamt kindergarten großhandel fachhandel handwerk technik baumarkt friseur
        immobilien versicherung reinigung transporte logistik systeme service services consulting trading holding
        bakeri bakeriet verksted verkstad eiendom barnehage kommune borettslag forening foreningen regnskap bygg
        elektro rørlegger skolen senteret kontoret restauranten hotellet apotek bakkerij slagerij bedrijf vereniging
        handelsonderneming"""
    )
)
"""Endings of compounds of the same sense (`Dorfbäckerei`); used on words that are longer than the ending."""

LEADING_WORDS = word_set(
    "zum stadt team bank banco banque comune salon studio haus gebrüder gebroeders gebr hermanos hnos fratelli"
)
"""The same in front only: elsewhere these may be names."""

ENDING_WORDS = word_set("söhne sons associates brothers bros وأولاده واولاده وشركاه وشركاؤه وإخوانه واخوانه")
"""The same at the end only."""

PARTNERS = word_set(
    """co cie compagnie company sohn söhne soehne töchter tochter partner partners partnere sons son brothers bros
    associates sønn sønner søn söner fils frères filles figli fratelli hijos hermanos hnos filhos irmãos zoon
    zonen gebroeders synowie oğulları kardeşler kollegen team mitarbeiter gebrüder"""
)
"""What stands behind `&` in the name of a firm (Müller & Söhne)."""

LEADING_CAPITALS = {"ID": ("PT", "CV", "UD"), "LT": ("UAB",), "LV": ("SIA",), "RU": ("ИП",), "UA": ("ФОП",)}
"""Forms that stand in front where they are at home; elsewhere they are initials."""

HOUSEHOLDS = word_set(
    """eheleute ehepaar familie familien fam family familia família famille famiglia familjen familja rodzina
    rodina perhe household geschwister erbengemeinschaft wohngemeinschaft państwo eheleut ektepar ekteparet
    echtpaar coniugi esposos señores sres herrschaften عائلة عائله семья οικογένεια"""
)
HOUSEHOLD_ENDINGS = word_set("family familie ailesi household families")

JOINTS = word_set("& + / und u and og och en et ve ile oraz и й و és ja și")
"""Between two people; `y`, `e`, `i` are inside single names as well (Ortega y Gasset) and judged by their place."""
WEAK_JOINTS = word_set("y e i")

PLACEHOLDERS = word_set(
    """laufkunde laufkundin laufkunden laufkundschaft barkunde barkunden barverkauf kassenkunde kunde kundin
    neukunde neuer stammkunde privatkunde gast gäste nr nummer unbekannt unbekannter unbekannte anonym anonymer
    leer kein keine keiner ohne namen name angabe angaben diverse diverser divers verschiedene sonstige dummy
    demo test tester testkunde testperson teste testing passant passanten einmalkunde walk walkin customer
    customers client clients guest guests visitor unknown anonymous nobody noname none null undefined empty
    blank na default temp temporary temporal tbd tba todo various misc miscellaneous cash counter retail pos
    sale takeaway takeout no not given available applicable provided specified first last surname firstname
    lastname kontantkunde kontantsalg kontant ukjent gjest gjester tilfeldig kassekunde diversekunde drop dropin
    ukendt kund okänd gäst asiakas vieras tuntematon cliente clientes contado mostrador final consumidor
    consumatore finale público publico general genérico generico desconocido desconocida anónimo anonimo
    invitado sconosciuto ospite occasionale varios vários diversos comptoir inconnu inconnue anonyme invité
    passager onbekend klant losse balie winkelklant particulier klient klientka detaliczny gość gosc nieznany
    anonimowy paragon zákazník neznámý hotovost vevő vendég ismeretlen müşteri musteri perakende nihai tüketici
    misafir bilinmiyor peşin гость клиент покупатель неизвестно неизвестный розничный тест аноним عميل العميل
    عميلة زبون الزبون زبونة ضيف زائر نقدي نقدى كاش عام غير معروف مجهول بدون اسم الاسم لا يوجد اختبار تجربة
    تجريبي مؤقت توصيل طيار سفري
    asdf asdfgh asdfghjkl qwer qwert qwertz qwerty yxcv yxcvbnm zxcv zxcvbnm abc abcd abcdef xyz bar
    foobar blabla bla lorem ipsum 顾客 客户 散客 無名 测试 고객 손님 ゲスト テスト お客様"""
)
"""A placeholder consists of these words alone (`Walk-in Customer`, `عميل نقدي`), whatever numbers stand between."""

PLACES_IN_HOUSE = word_set(
    """tisch table tafel bord bordet mesa mesas tavolo masa stolik طاولة zimmer room rom habitación chambre order
    bestellung auftrag ordre pedido nr no nummer number"""
)
