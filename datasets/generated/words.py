"""The words of the little world, in five languages, and the grammar that joins them.

Each table has one entry a line. Nouns carry their gender in German (m, f, n) and
French (m, f); Chinese nouns carry their measure word where a number precedes them.
"""

LANGUAGES = ["en", "de", "fr", "ja", "zh"]


def table(text):
    return [tuple(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]


# English, German and French spell these names alike: name | Japanese | Chinese | gender
NAMES = table("""
Anna|アンナ|安娜|f
Adam|アダム|亚当|m
Ben|ベン|本恩|m
Clara|クララ|克拉拉|f
Daniel|ダニエル|丹尼尔|m
David|ダビド|大卫|m
Elena|エレナ|埃琳娜|f
Emma|エマ|艾玛|f
Eva|エバ|伊娃|f
Felix|フェリックス|菲利克斯|m
Hanna|ハンナ|汉娜|f
Hugo|ヒューゴ|雨果|m
Ida|イーダ|艾达|f
Jonas|ヨナス|约纳斯|m
Julia|ジュリア|朱莉娅|f
Laura|ローラ|劳拉|f
Leo|レオ|里奥|m
Lina|リナ|莉娜|f
Lucas|ルーカス|卢卡斯|m
Maria|マリア|玛丽亚|f
Martin|マーティン|马丁|m
Max|マックス|马克斯|m
Mia|ミア|米娅|f
Noah|ノア|诺亚|m
Nora|ノラ|诺拉|f
Oscar|オスカー|奥斯卡|m
Paul|ポール|保罗|m
Paula|ポーラ|保拉|f
Peter|ピーター|彼得|m
Rosa|ローザ|罗莎|f
Simon|サイモン|西蒙|m
Sofia|ソフィア|索菲亚|f
Theo|テオ|西奥|m
Vera|ベラ|薇拉|f
Viktor|ビクトル|维克多|m
Lea|レア|莉亚|f
""")

# English | German m | German f | French m | French f | Japanese | Chinese
PROFESSIONS = table("""
baker|Bäcker|Bäckerin|boulanger|boulangère|パン職人|面包师
teacher|Lehrer|Lehrerin|enseignant|enseignante|教師|教师
nurse|Krankenpfleger|Krankenpflegerin|infirmier|infirmière|看護師|护士
doctor|Arzt|Ärztin|médecin|médecin|医師|医生
farmer|Bauer|Bäuerin|agriculteur|agricultrice|農民|农民
gardener|Gärtner|Gärtnerin|jardinier|jardinière|庭師|园丁
cook|Koch|Köchin|cuisinier|cuisinière|料理人|厨师
painter|Maler|Malerin|peintre|peintre|画家|画家
singer|Sänger|Sängerin|chanteur|chanteuse|歌手|歌手
pilot|Pilot|Pilotin|pilote|pilote|パイロット|飞行员
journalist|Journalist|Journalistin|journaliste|journaliste|記者|记者
lawyer|Anwalt|Anwältin|avocat|avocate|弁護士|律师
engineer|Ingenieur|Ingenieurin|ingénieur|ingénieure|技師|工程师
dentist|Zahnarzt|Zahnärztin|dentiste|dentiste|歯科医|牙医
musician|Musiker|Musikerin|musicien|musicienne|音楽家|音乐家
writer|Schriftsteller|Schriftstellerin|écrivain|écrivaine|作家|作家
photographer|Fotograf|Fotografin|photographe|photographe|写真家|摄影师
tailor|Schneider|Schneiderin|couturier|couturière|仕立て屋|裁缝
librarian|Bibliothekar|Bibliothekarin|bibliothécaire|bibliothécaire|司書|图书管理员
firefighter|Feuerwehrmann|Feuerwehrfrau|pompier|pompière|消防士|消防员
police officer|Polizist|Polizistin|policier|policière|警察官|警察
dancer|Tänzer|Tänzerin|danseur|danseuse|ダンサー|舞蹈演员
chemist|Chemiker|Chemikerin|chimiste|chimiste|化学者|化学家
architect|Architekt|Architektin|architecte|architecte|建築家|建筑师
fisher|Fischer|Fischerin|pêcheur|pêcheuse|漁師|渔民
hairdresser|Friseur|Friseurin|coiffeur|coiffeuse|美容師|理发师
carpenter|Tischler|Tischlerin|menuisier|menuisière|大工|木匠
actor|Schauspieler|Schauspielerin|acteur|actrice|俳優|演员
programmer|Programmierer|Programmiererin|programmeur|programmeuse|プログラマー|程序员
translator|Übersetzer|Übersetzerin|traducteur|traductrice|翻訳家|翻译
""")

# English | German | gender | French | gender | Japanese | Chinese measure word | Chinese
OBJECTS = table("""
coin|Münze|f|pièce de monnaie|f|コイン|枚|硬币
ring|Ring|m|bague|f|指輪|枚|戒指
bicycle|Fahrrad|n|vélo|m|自転車|辆|自行车
clock|Uhr|f|horloge|f|時計|个|时钟
lamp|Lampe|f|lampe|f|ランプ|盏|台灯
violin|Geige|f|violon|m|バイオリン|把|小提琴
painting|Gemälde|n|tableau|m|絵画|幅|油画
letter|Brief|m|lettre|f|手紙|封|信
map|Landkarte|f|carte|f|地図|张|地图
camera|Kamera|f|appareil photo|m|カメラ|台|相机
umbrella|Regenschirm|m|parapluie|m|傘|把|雨伞
suitcase|Koffer|m|valise|f|スーツケース|个|手提箱
basket|Korb|m|panier|m|かご|个|篮子
hat|Hut|m|chapeau|m|帽子|顶|帽子
book|Buch|n|livre|m|本|本|书
key|Schlüssel|m|clé|f|鍵|把|钥匙
chair|Stuhl|m|chaise|f|椅子|把|椅子
mirror|Spiegel|m|miroir|m|鏡|面|镜子
box|Kiste|f|boîte|f|箱|个|箱子
vase|Vase|f|vase|m|花瓶|个|花瓶
radio|Radio|n|radio|f|ラジオ|台|收音机
guitar|Gitarre|f|guitare|f|ギター|把|吉他
trumpet|Trompete|f|trompette|f|トランペット|把|小号
bag|Tasche|f|sac|m|かばん|个|背包
kite|Drachen|m|cerf-volant|m|凧|只|风筝
globe|Globus|m|globe|m|地球儀|个|地球仪
doll|Puppe|f|poupée|f|人形|个|布娃娃
knife|Messer|n|couteau|m|ナイフ|把|小刀
cup|Tasse|f|tasse|f|カップ|个|杯子
carpet|Teppich|m|tapis|m|じゅうたん|块|地毯
telescope|Fernrohr|n|télescope|m|望遠鏡|台|望远镜
statue|Statue|f|statue|f|彫像|尊|雕像
necklace|Halskette|f|collier|m|ネックレス|条|项链
""")

# English | German stem | French m | French f | French m before a vowel | side | Japanese | Chinese
ADJECTIVES = table("""
old|alt|vieux|vieille|vieil|before|古い|古老的
small|klein|petit|petite|petit|before|小さな|小小的
red|rot|rouge|rouge|rouge|after|赤い|红色的
beautiful|schön|beau|belle|bel|before|美しい|漂亮的
new|neu|neuf|neuve|neuf|after|新しい|崭新的
blue|blau|bleu|bleue|bleu|after|青い|蓝色的
green|grün|vert|verte|vert|after|緑色の|绿色的
valuable|wertvoll|précieux|précieuse|précieux|after|高価な|贵重的
rare|selten|rare|rare|rare|after|珍しい|罕见的
black|schwarz|noir|noire|noir|after|黒い|黑色的
white|weiß|blanc|blanche|blanc|after|白い|白色的
unusual|ungewöhnlich|insolite|insolite|insolite|after|変わった|奇特的
""")

# English | German | French | Japanese | Chinese
PLACES = table("""
in the park|im Park|dans le parc|公園|公园
at the harbour|am Hafen|au port|港|港口
in the library|in der Bibliothek|à la bibliothèque|図書館|图书馆
at the market|auf dem Markt|au marché|市場|市场
at the station|am Bahnhof|à la gare|駅|车站
in the museum|im Museum|au musée|博物館|博物馆
at the beach|am Strand|à la plage|海岸|海滩
in the forest|im Wald|dans la forêt|森|森林里
in the garden|im Garten|dans le jardin|庭|花园里
at the school|in der Schule|à l'école|学校|学校
in the church|in der Kirche|dans l'église|教会|教堂
at the airport|am Flughafen|à l'aéroport|空港|机场
in the hospital|im Krankenhaus|à l'hôpital|病院|医院
in the hotel|im Hotel|à l'hôtel|ホテル|酒店
in the café|im Café|au café|カフェ|咖啡馆
in the theatre|im Theater|au théâtre|劇場|剧院
at the zoo|im Zoo|au zoo|動物園|动物园
in the castle|im Schloss|au château|城|城堡里
in the cellar|im Keller|à la cave|地下室|地下室
on the bridge|auf der Brücke|sur le pont|橋の上|桥上
by the lake|am See|au bord du lac|湖畔|湖边
by the river|am Fluss|au bord de la rivière|川辺|河边
in the village|im Dorf|au village|村|村子里
at the farm|auf dem Bauernhof|à la ferme|農場|农场
in the office|im Büro|au bureau|事務所|办公室
in the tower|im Turm|dans la tour|塔|塔楼里
in the kitchen|in der Küche|dans la cuisine|台所|厨房
in the garage|in der Garage|dans le garage|車庫|车库
""")

# English | German | French | Japanese | Chinese
TIMES = table("""
on Monday|am Montag|lundi|月曜日に|星期一
on Tuesday|am Dienstag|mardi|火曜日に|星期二
on Wednesday|am Mittwoch|mercredi|水曜日に|星期三
on Thursday|am Donnerstag|jeudi|木曜日に|星期四
on Friday|am Freitag|vendredi|金曜日に|星期五
on Saturday|am Samstag|samedi|土曜日に|星期六
on Sunday|am Sonntag|dimanche|日曜日に|星期天
yesterday afternoon|gestern Nachmittag|hier après-midi|昨日の午後に|昨天下午
last week|letzte Woche|la semaine dernière|先週|上周
at noon|am Mittag|à midi|正午に|中午
on Saturday afternoon|am Samstagnachmittag|samedi après-midi|土曜日の午後に|星期六下午
two days ago|vor zwei Tagen|il y a deux jours|二日前に|两天前
last month|letzten Monat|le mois dernier|先月|上个月
a week ago|vor einer Woche|il y a une semaine|一週間前に|一周前
""")

# English | German | gender | French | gender | Japanese | Chinese
INSTITUTIONS = table("""
library|Bibliothek|f|bibliothèque|f|図書館|图书馆
museum|Museum|n|musée|m|博物館|博物馆
school|Schule|f|école|f|学校|学校
theatre|Theater|n|théâtre|m|劇場|剧院
zoo|Zoo|m|zoo|m|動物園|动物园
hotel|Hotel|n|hôtel|m|ホテル|酒店
café|Café|n|café|m|カフェ|咖啡馆
castle|Schloss|n|château|m|城|城堡
airport|Flughafen|m|aéroport|m|空港|机场
station|Bahnhof|m|gare|f|駅|车站
swimming pool|Schwimmbad|n|piscine|f|プール|游泳馆
cinema|Kino|n|cinéma|m|映画館|电影院
bakery|Bäckerei|f|boulangerie|f|パン屋|面包店
supermarket|Supermarkt|m|supermarché|m|スーパー|超市
post office|Postamt|n|bureau de poste|m|郵便局|邮局
town hall|Rathaus|n|mairie|f|市役所|市政厅
market hall|Markthalle|f|marché couvert|m|市場|市场
restaurant|Restaurant|n|restaurant|m|レストラン|餐厅
bookshop|Buchhandlung|f|librairie|f|書店|书店
university|Universität|f|université|f|大学|大学
kindergarten|Kindergarten|m|école maternelle|f|幼稚園|幼儿园
sports hall|Sporthalle|f|gymnase|m|体育館|体育馆
concert hall|Konzertsaal|m|salle de concert|f|コンサートホール|音乐厅
pharmacy|Apotheke|f|pharmacie|f|薬局|药店
bank|Bank|f|banque|f|銀行|银行
church|Kirche|f|église|f|教会|教堂
""")

# English | German genitive | German dative | French | Japanese | Chinese
CAUSES = table("""
a storm|eines Sturms|einem Sturm|une tempête|嵐|暴风雨
a fire|eines Brandes|einem Brand|un incendie|火事|火灾
a power cut|eines Stromausfalls|einem Stromausfall|une coupure de courant|停電|停电
a flood|einer Überschwemmung|einer Überschwemmung|une inondation|洪水|洪水
a strike|eines Streiks|einem Streik|une grève|ストライキ|罢工
a water leak|eines Wasserschadens|einem Wasserschaden|une fuite d'eau|水漏れ|漏水
an accident|eines Unfalls|einem Unfall|un accident|事故|事故
an earthquake|eines Erdbebens|einem Erdbeben|un séisme|地震|地震
a gas leak|eines Gaslecks|einem Gasleck|une fuite de gaz|ガス漏れ|煤气泄漏
a break-in|eines Einbruchs|einem Einbruch|un cambriolage|盗難|盗窃案
a computer fault|einer Computerpanne|einer Computerpanne|une panne informatique|システム障害|电脑故障
a blizzard|eines Schneesturms|einem Schneesturm|une tempête de neige|吹雪|暴风雪
""")

# English | German | gender | French | gender | Japanese | Chinese
CONTESTS = table("""
chess tournament|Schachturnier|n|tournoi d'échecs|m|チェス大会|象棋比赛
swimming race|Schwimmwettkampf|m|course de natation|f|水泳大会|游泳比赛
cooking contest|Kochwettbewerb|m|concours de cuisine|m|料理コンテスト|烹饪比赛
singing contest|Gesangswettbewerb|m|concours de chant|m|歌のコンテスト|歌唱比赛
dance contest|Tanzwettbewerb|m|concours de danse|m|ダンス大会|舞蹈比赛
bicycle race|Radrennen|n|course cycliste|f|自転車レース|自行车赛
city run|Stadtlauf|m|course à pied|f|マラソン大会|长跑比赛
ski race|Skirennen|n|course de ski|f|スキー大会|滑雪比赛
quiz|Quiz|n|jeu de questions|m|クイズ大会|知识竞赛
photo contest|Fotowettbewerb|m|concours de photo|m|写真コンテスト|摄影比赛
poetry contest|Gedichtwettbewerb|m|concours de poésie|m|詩のコンテスト|诗歌比赛
tennis tournament|Tennisturnier|n|tournoi de tennis|m|テニス大会|网球比赛
table tennis tournament|Tischtennisturnier|n|tournoi de ping-pong|m|卓球大会|乒乓球比赛
boat race|Bootsrennen|n|course de bateaux|f|ボートレース|划船比赛
baking contest|Backwettbewerb|m|concours de pâtisserie|m|お菓子コンテスト|烘焙比赛
fishing contest|Angelwettbewerb|m|concours de pêche|m|釣り大会|钓鱼比赛
spelling contest|Buchstabierwettbewerb|m|concours d'orthographe|m|スペリング大会|拼写比赛
card tournament|Kartenturnier|n|tournoi de cartes|m|カード大会|纸牌比赛
drawing contest|Zeichenwettbewerb|m|concours de dessin|m|絵のコンテスト|绘画比赛
golf tournament|Golfturnier|n|tournoi de golf|m|ゴルフ大会|高尔夫球比赛
judo tournament|Judoturnier|n|tournoi de judo|m|柔道大会|柔道比赛
garden contest|Gartenwettbewerb|m|concours de jardinage|m|園芸コンテスト|园艺比赛
puzzle contest|Puzzlewettbewerb|m|concours de puzzles|m|パズル大会|拼图比赛
sailing race|Segelregatta|f|course de voiliers|f|ヨットレース|帆船比赛
piano contest|Klavierwettbewerb|m|concours de piano|m|ピアノコンクール|钢琴比赛
""")

DE_THE = {"m": "der", "f": "die", "n": "das"}
DE_THE_ACC = {"m": "den", "f": "die", "n": "das"}
DE_A = {"m": "ein", "f": "eine", "n": "ein"}
DE_A_ACC = {"m": "einen", "f": "eine", "n": "ein"}
DE_ADJECTIVE_ACC = {"m": "en", "f": "e", "n": "es"}
FR_A = {"m": "un", "f": "une"}
FR_VOWELS = "aeiouyàâäéèêëîïôöœùûhAEIOUYÀÂÄÉÈÊËÎÏÔÖŒÙÛ"


def vowel(word):
    """Whether French elides before this word. No word of the tables has an aspirated h in lower case."""
    return word[0] in FR_VOWELS


def elide(particle, word):
    """`de` + `Anna` -> `d'Anna`; `que` + `une` -> `qu'une`."""
    return particle[:-1] + "'" + word if vowel(word) else f"{particle} {word}"


def fr_the(noun, gender):
    if vowel(noun):
        return "l'" + noun
    return ("le " if gender == "m" else "la ") + noun


def fr_at(noun, gender):
    """`à` with the article: au tournoi, à la course, à l'école."""
    if vowel(noun):
        return "à l'" + noun
    return ("au " if gender == "m" else "à la ") + noun


def en_a(word):
    return ("an " if word[0] in "aeiou" and not word.startswith("uni") else "a ") + word


def cap(sentence):
    return sentence[0].upper() + sentence[1:]


def name(n, language):
    return {"ja": n[1], "zh": n[2]}.get(language, n[0])


def gender(n):
    return n[3]


def profession(p, g, language):
    """The bare noun: baker, Bäckerin, boulangère."""
    column = {"en": 0, "de": 1 + (g == "f"), "fr": 3 + (g == "f"), "ja": 5, "zh": 6}
    return p[column[language]]


def a_profession(p, g, language):
    noun = profession(p, g, language)
    return {
        "en": lambda: en_a(noun),
        "de": lambda: f"{DE_A[g]} {noun}",
        "fr": lambda: f"{FR_A[g]} {noun}",
        "ja": lambda: noun,
        "zh": lambda: "一名" + noun,
    }[language]()


def an_object(o, language, adjective=None):
    """The object with its indefinite article, as the object of a verb."""
    if language == "en":
        return en_a(f"{adjective[0]} {o[0]}" if adjective else o[0])
    if language == "de":
        middle = adjective[1] + DE_ADJECTIVE_ACC[o[2]] + " " if adjective else ""
        return f"{DE_A_ACC[o[2]]} {middle}{o[1]}"
    if language == "fr":
        noun = o[3]
        if adjective:
            form = adjective[3] if o[4] == "f" else adjective[4] if vowel(noun) else adjective[2]
            noun = f"{form} {noun}" if adjective[5] == "before" else f"{noun} {form}"
        return f"{FR_A[o[4]]} {noun}"
    if language == "ja":
        return (adjective[6] if adjective else "") + o[5]
    return "一" + o[6] + (adjective[7] if adjective else "") + o[7]


def the_noun(noun, language, case="nom"):
    """`English|German|gender|French|gender|Japanese|Chinese` with the definite article."""
    if language == "en":
        return "the " + noun[0]
    if language == "de":
        return (DE_THE if case == "nom" else DE_THE_ACC)[noun[2]] + " " + noun[1]
    if language == "fr":
        return fr_the(noun[3], noun[4])
    return noun[5] if language == "ja" else noun[-1]


def phrase(row, language):
    """A cell of a table with one column a language."""
    return row[LANGUAGES.index(language)]
