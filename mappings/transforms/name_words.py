"""Words inside people's names: titles, suffixes, particles, and the names that settle an order or a split.

Lower case without dots. Lists of names are short on purpose: they only settle what form alone leaves open in the
countries named; a name that is missing here falls back to the general rule.
"""

from __future__ import annotations

from mappings.transforms.typed_text import word_set

TITLES = word_set(
    """dr prof professor professorin doktor mr mrs ms miss mx mister missis herr herrn frau fräulein fraulein hr fr
    frl fru frøken herre mme mlle madame mademoiselle monsieur maître sr sra srta señor señora señorita senor
    senora senorita senhor senhora dona doña sig sigra signor signora signore signorina dott dottssa dottore
    dottoressa avv rag geom arch ing dipl dipl-ing diplom mag magister dhr mevr mw mevrouw meneer drs ir jhr ds
    pastor pfarrer rev reverend sir dame lady lord hon capt captain col lt sgt maj sheikh shaikh shaykh sheikha
    shaikha hh hrh eng engr ustadh ustaz hajji haji hajj haci hacı sayın sn doç yrd uzm mudr judr phdr rndr mvdr
    paeddr thdr bc mgr mga ingmgr doc csc lic licda arq dra κ κα κος κυρία δρ господин госпожа г-н г-жа д-р
    الشيخ شيخ الشيخة السيد السيدة الدكتور الدكتورة دكتور دكتورة د المهندس المهندسة مهندس م أ ا الأستاذ الاستاذ
    الأستاذة الاستاذة استاذ أستاذ الأمير الامير الأميرة الاميرة الحاج حاج الحاجة الآنسة الانسة آنسة vip العميد
    اللواء العقيد المقدم الرائد النقيب الملازم الفريق المستشار القاضي معالي سعادة gen"""
)
TITLE_PARTS = word_set(
    """dr prof dipl med dent vet jur iur phil rer nat habil hc h c oec pol theol ing kfm kffr inf math phys psych
    päd soz biol chem wirt mult ssa ra em apl priv doz pd univ mag dott sig"""
)
"""What compound titles are made of: `Dipl.-Ing.`, `Dr. rer. nat.`, `Prof. Dr. h. c.`; after the first title only."""

DOTTED_TITLES = word_set(
    """m d mag doc gen sen arch rag hon sgt maj lt col doz ra dir sig ir lic bc ds csc sn hh κ drs di p هـ د م أ ا"""
)
"""Titles that need their dot, as without it they are initials or names."""

FAMILY_TITLES = word_set(
    """herr herrn frau fräulein hr fr frl fru mr mrs ms miss mister mme mlle madame mademoiselle monsieur m dhr
    mevr mw mevrouw meneer sig sigra signor signora señor señora sr sra srta senhor senhora dr prof professor
    doktor dott avv ing pfarrer pan pani г-н г-жа господин госпожа"""
)
"""A single name behind one of these is a family name (Herr Meier), behind the others (Sheikh Zayed) a given name."""

LOCAL_TITLES: dict[str, frozenset[str]] = {
    **dict.fromkeys(("FR", "BE", "CH", "LU", "MA", "TN", "DZ"), frozenset({"m", "me"})),
    **dict.fromkeys(("PL", "CZ", "SK"), frozenset({"pan", "pani", "paní", "p"})),
    **dict.fromkeys(("ES", "MX", "AR", "CO", "CL", "PE", "IT"), frozenset({"don", "doña", "dña", "d", "donna"})),
    "AT": frozenset({"di", "mag", "komm-rat"}),
}
TRAILING_TITLES = word_set("bey hanım hanim efendi 先生 女士 小姐 さん 様 さま 氏 씨 님")

SUFFIXES = word_set(
    """2nd 3rd jr sr ii iii iv jun sen junior senior esq esquire phd md mba dds dvm dmd rn cpa cfa pe jd ba bsc ma
    msc mphil llm llb mbbs frcs obe mbe cbe kbe kc qc mp bed med mag msw med-univ dd fca aca pmp rd"""
)
BARE_SUFFIXES = word_set("2nd 3rd sr jr ii iii iv phd esq jun dds dvm mba md obe mbe cbe llm msc bsc")
"""Those that are suffixes without a dot or a comma before them as well (John Smith III)."""

MAIDEN_MARKS = word_set(
    """née nee né geb geborene geborener geboren født fødd född nata nacida nascida roz rozená z-domu born maiden
    urodzona"""
)

PARTICLES = word_set(
    """v v.d vd von vom van de der den ten ter te zu zur zum di da del della dello delle dell' dell’ de' de’ am im
    dei degli dal dalla dalle dos das do du des d' d’ la le les lo los las 't ’t ‘t 's ’s af av ap ab mac mc ní nic ó o
    ua uí mhic san santa saint st ste mag nar fitz ben ould ait aït bou bint binti binte bte bt a/l a/p s/o d/o w/o
    auf aus vander vande vanden op in aan bij uit onder over tot thoe thor"""
)
"""They begin a family name when they stand behind a given name and something stands behind them."""

SURE_NOBILITY = word_set("graf gräfin freiherr freifrau freiin baronin baronesse prinzessin fürstin herzogin")
"""They need no particle behind them (Otto Graf Lambsdorff), as hardly anybody has them as a middle name."""

SPLIT_PARTICLES = word_set("op in aan bij uit onder over tot auf aus thoe")
"""Particles only before another particle (op den Akker, in 't Veld)."""

CAPITAL_WEAK = word_set("v v.d vd am im do te ben o bou bt in op over aus auf tot mag des ab ap das")
"""Particles that are names as well: they count only written small, or before another particle."""

NOBILITY = word_set(
    """graf gräfin freiherr freifrau freiin baron baronin baronesse prinz prinzessin herzog herzogin fürst fürstin
    edler edle ritter markgraf landgraf reichsgraf erbprinz jonkheer burggraf"""
)
"""Titles that are part of the family name in German law, before von, zu, vom, de."""

MARIAN = word_set(
    """carmen pilar mar rosario jesús jesus luz ángeles angeles nieves mercedes dolores lourdes fátima fatima
    concepción conceição consuelo socorro guadalupe remedios milagros graça lurdes céu carmo sol prado rocío"""
)
"""Behind María: María del Carmen, Maria de Fátima are one given name."""

SPANISH = word_set("ES MX AR CO CL PE VE EC GT CU BO DO HN PY SV NI CR PR PA UY")
PORTUGUESE = word_set("BR PT AO MZ CV")
ARAB = word_set("SA AE KW BH QA OM YE IQ JO SY LB PS EG LY TN DZ MA SD MR")

SPANISH_GIVEN = word_set(
    """maría maria josé jose juan ana luis carlos manuel antonio francisco javier jesús jesus miguel ángel angel
    pedro rafael fernando alberto alejandro daniel david pablo jorge ramón ramon andrés andres enrique diego
    eduardo roberto ricardo ignacio tomás tomas mario víctor victor sergio raúl raul óscar oscar rubén ruben
    iván ivan hugo álvaro alvaro adrián adrian gonzalo jaime joaquín joaquin guillermo gustavo felipe agustín
    agustin alfonso alfredo arturo césar cesar emilio esteban eugenio federico gabriel gerardo gregorio héctor
    hector julio julián julian leonardo lorenzo marcos martín mateo mauricio nicolás nicolas patricio salvador
    santiago sebastián sebastian simón vicente carmen isabel laura cristina marta lucía lucia pilar elena rosa
    teresa dolores mercedes paula sara raquel silvia beatriz patricia sandra mónica monica andrea irene julia
    rocío rocio sofía sofia alicia eva inés ines victoria nuria yolanda lourdes gloria margarita verónica
    veronica susana natalia lorena gabriela fernanda valentina camila daniela mariana alejandra claudia carolina
    adriana esther concepción concepcion josefa josefina guadalupe luz ángeles angeles belén belen consuelo
    milagros amparo soledad esperanza"""
)
PORTUGUESE_GIVEN = word_set(
    """maria joão joao josé jose ana antónio antônio antonio francisco carlos paulo pedro lucas luiz luis luís
    marcos marcelo rafael daniel eduardo felipe filipe bruno rodrigo manuel gabriel fernando gustavo ricardo
    miguel tiago thiago andré andre diogo diego hugo nuno rui jorge sérgio sergio vítor vitor henrique alexandre
    leonardo mateus matheus guilherme cristiano ronaldo inácio caetano césar roberto augusto renato fábio paula
    beatriz inês ines catarina mariana sofia joana rita marta cláudia claudia patrícia patricia juliana fernanda
    adriana camila letícia leticia bruna amanda larissa júlia julia luísa luisa luiza helena clara cristina
    isabel teresa raquel carolina aparecida francisca lúcia lucia vitória eduarda"""
)
SPANISH_FAMILY = word_set(
    """garcía garcia martínez martinez lópez lopez gonzález gonzalez rodríguez rodriguez fernández fernandez
    sánchez sanchez pérez perez gómez gomez jiménez jimenez ruiz hernández hernandez díaz diaz moreno muñoz
    munoz álvarez alvarez romero alonso gutiérrez gutierrez navarro torres domínguez dominguez vázquez vazquez
    ramos gil ramírez ramirez serrano blanco molina morales suárez suarez ortega delgado castro ortiz rubio
    marín sanz núñez nunez iglesias medina garrido cortés cortes castillo santos lozano guerrero cano prieto
    méndez mendez cruz calvo gallego herrera márquez marquez peña pena flores cabrera campos vega fuentes
    carrasco reyes caballero nieto aguilar pascual santana herrero lorenzo montero hidalgo giménez gimenez
    ibáñez ferrer durán vicente benítez arias mora vargas carmona crespo rojas ríos silva vera soto salazar
    mendoza guzmán espinoza contreras"""
)
PORTUGUESE_FAMILY = word_set(
    """silva santos oliveira souza sousa rodrigues ferreira alves pereira lima gomes costa ribeiro martins carvalho
    almeida lopes soares fernandes vieira barbosa rocha dias nascimento andrade moreira nunes marques machado
    mendes freitas cardoso ramos gonçalves goncalves teixeira pinto moura cavalcanti araújo araujo melo barros
    correia castro campos moraes azevedo coelho tavares monteiro batista duarte borges miranda fonseca aguiar
    pires cunha matos neves reis simões antunes magalhães macedo figueiredo"""
)
HUNGARIAN_GIVEN = word_set(
    """ferenc józsef jános lászló istván zoltán gábor péter sándor tibor attila zsolt tamás csaba mihály andrás
    györgy imre lajos béla károly balázs bence máté ádám dániel levente dávid márk gergő gergely kristóf norbert
    róbert krisztián viktor mária erzsébet katalin éva ilona anna zsuzsanna margit judit ágnes julianna andrea
    ildikó erika krisztina mónika edit gabriella szilvia anita réka eszter nóra dóra zsófia hanna lilla emese
    boglárka orsolya tímea viktória petra"""
)
RUSSIAN_GIVEN = word_set(
    """иван пётр петр александр сергей алексей андрей дмитрий михаил владимир николай максим евгений виктор игорь
    олег павел юрий антон роман артём артем кирилл денис никита илья анна мария елена ольга наталья татьяна
    ирина екатерина светлана юлия анастасия марина людмила галина дарья ксения виктория полина алина валентина
    надежда любовь вера"""
)
VIETNAMESE_FAMILY = word_set(
    """le nguyễn nguyen trần tran lê phạm pham hoàng hoang huỳnh huynh phan vũ võ đặng dang bùi bui đỗ hồ ngô ngo
    dương duong lý"""
)
CHINESE_FAMILY = word_set(
    """wang li zhang liu chen yang huang zhao wu zhou xu sun ma zhu hu guo he lin gao luo zheng liang xie song tang
    deng feng cao peng zeng xiao tian dong pan yuan cai jiang yu du ye cheng wei su lu ding ren shen yao cui tan
    chan wong lau cheung leung lam"""
)
KOREAN_FAMILY = word_set(
    """kim lee park choi jung jeong kang cho yoon jang lim han oh seo shin kwon hwang ahn song ryu yoo hong jeon
    bae baek nam"""
)

HAN_DOUBLE_FAMILY = word_set(
    """欧阳 歐陽 司马 司馬 上官 诸葛 諸葛 东方 東方 皇甫 尉迟 公孙 公孫 慕容 令狐 司徒 夏侯 端木 长孙 宇文 独孤
    南宫"""
)
HANGUL_DOUBLE_FAMILY = word_set("남궁 황보 제갈 사공 선우 서문 독고 동방")
JAPANESE_FAMILY = word_set(
    """佐藤 鈴木 高橋 田中 伊藤 渡辺 渡邊 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 斎藤 齋藤 清水
    山崎 阿部 池田 橋本 山下 石川 中島 前田 藤田 後藤 小川 岡田 長谷川 村上 近藤 石井 坂本 遠藤 青木 藤井 西村
    福田 太田 三浦 岡本 松田 中川 中野 原田 小野 田村 竹内 金子 和田 中山 石田 上田 森田 柴田 酒井 工藤 横山
    宮崎 宮本 内田 高木 安藤 谷口 大野 丸山 今井 藤原 河野 村田 武田 上野 杉山 増田 菅原 小島 平野 久保 大塚
    千葉 松井 岩崎 桜井 野口 松尾 木下 菊地 佐野 野村 新井 宮沢 黒澤 村山 安倍"""
)

_SEEN_OFTEN = word_set(
    """anna eva marie marco luca giulia paolo giovanni francesca jan piotr paweł katarzyna małgorzata agnieszka hans
    peter thomas michael stefan ali ahmed mohammed fatima sarah"""
)
LISTED_GIVEN_NAMES = SPANISH_GIVEN | PORTUGUESE_GIVEN | _SEEN_OFTEN
"""Names seen often, to tell `Juan y María` from `Ramón y Cajal` and `ANNA Schmidt` from `DUPONT Jean`."""

THEOPHORIC = word_set("abd abdul abdel abdal abdur abdus abdud abdun abdoul abdool عبد العبد")
KUNYA = word_set("abu abou aboo abi umm um omm ابو أبو ابي أبي ام أم abo om bu بو")
CHAIN = word_set("bin ibn bint binti binte ben ould walad بن ابن بنت إبن ولد")
AL_FAMILY = word_set("al el aal ال آل")
AL_PREFIX = ("al-", "el-", "ad-", "ar-", "as-", "ash-", "an-", "at-", "az-", "al‑")
ATTACHED = word_set(
    """din deen dine huda hoda haq haqq hak islam zaman abidin abideen abdin allah ullah uddin الدين الله الهدى
    الحق الاسلام الإسلام الزمان العابدين النبي النصر"""
)
"""They belong to the word before them: Nasser Al-Din, Noor Al Huda, نور الدين, سيف الله."""
