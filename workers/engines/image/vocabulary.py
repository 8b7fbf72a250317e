"""The words the illustrator knows, in English and Chinese, and what each stands for.

Every table maps a concept to the words that name it; a word of several English words is joined by underscores.
"""

PLACES = {
    "mountain": "mountain alps peak cliff fjord canyon summit 山 高山 雪山 山脉 山峰 峡谷 悬崖",
    "hills": "hill hills valley countryside farmland farm 丘陵 小山 山谷 乡村 农场 田野",
    "forest": "forest pine_forest birch_forest bamboo_forest bamboo woods woodland jungle rainforest grove 森林 "
    "树林 丛林 雨林 林间 竹林",
    "city": "city skyline metropolis downtown tokyo new_york town urban cyberpunk skyscraper shanghai hong_kong "
    "城市 都市 天际线 城里 东京 纽约 上海 香港 赛博朋克 摩天大楼",
    "street": "street road alley highway avenue crossroads 街 街道 马路 公路 小巷 路上",
    "sea": "sea ocean waves harbor harbour bay coast 海 大海 海洋 海上 海浪 港口 海湾",
    "beach": "beach shore seaside tropical 海滩 沙滩 海边",
    "lake": "lake pond lakeside river stream waterfall reflection 湖 湖边 湖泊 池塘 河 河流 小溪 瀑布 江",
    "desert": "desert dune dunes sahara wasteland 沙漠 沙丘 荒漠",
    "meadow": "meadow field grassland garden park lawn prairie 草地 草原 花园 公园 田园 草坪",
    "space": "space outer_space galaxy nebula cosmos universe milky_way planet orbit 太空 宇宙 星系 银河 星云 行星",
    "underwater": "underwater undersea coral reef deep_sea seabed 水下 海底 珊瑚 深海",
    "indoor": "room indoor interior kitchen bedroom living_room cafe library table desk studio window "
    "房间 室内 厨房 卧室 客厅 咖啡馆 图书馆 桌子 桌上 窗边",
    "volcano": "volcano lava eruption 火山 熔岩",
    "plain": "portrait logo icon sticker white_background plain_background simple_background headshot closeup close_up "
    "avatar 肖像 头像 图标 贴纸 特写 纯色背景 白色背景",
    "abstract": "abstract pattern wallpaper texture fractal geometric 抽象 图案 壁纸 纹理 几何",
}

TIMES = {
    "sunrise": "sunrise dawn morning daybreak 日出 黎明 清晨 早晨 早上 朝阳 晨光",
    "sunset": "sunset golden_hour evening 日落 夕阳 黄昏 傍晚 晚霞 落日",
    "dusk": "dusk twilight blue_hour 暮色 薄暮",
    "night": "night midnight starry moonlit moonlight nighttime moon stars starlight neon cyberpunk dark "
    "夜 夜晚 夜空 夜里 午夜 星空 月光 月亮 月夜 星星 霓虹 赛博朋克 繁星",
    "day": "day noon daytime midday sunny sunshine afternoon 白天 中午 正午 晴天 阳光 下午",
}

WEATHER = {
    "rain": "rain rainy raining drizzle wet 雨 下雨 雨天 雨中 大雨 小雨",
    "storm": "storm stormy thunder thunderstorm lightning tempest 暴风雨 雷雨 闪电 雷电 暴雨",
    "snow": "snow snowy snowing winter blizzard frozen ice icy christmas arctic 雪 下雪 雪地 冬天 冬季 冬日 "
    "暴风雪 冰 雪景 雪山",
    "fog": "fog foggy mist misty haze hazy 雾 大雾 薄雾 迷雾 雾气",
    "clouds": "cloud cloudy clouds overcast gloomy grey_sky gray_sky 云 多云 阴天 云海 乌云",
    "clear": "clear clear_sky cloudless 晴朗 万里无云",
    "rainbow": "rainbow 彩虹",
    "aurora": "aurora northern_lights polar_lights 极光",
    "petals": "cherry_blossom cherry_blossoms sakura blossom petals spring 樱花 花瓣 春天 春日",
    "leaves": "autumn fall_colors autumnal fall_leaves 秋天 秋季 秋日 枫叶 落叶",
}

COLOURS = {
    "red": "red crimson scarlet ruby 红 红色 赤 火红",
    "orange": "orange amber tangerine 橙 橙色 橘色",
    "gold": "gold golden 金 金色 黄金",
    "yellow": "yellow lemon 黄 黄色",
    "green": "green emerald lime olive 绿 绿色 翠绿",
    "teal": "teal turquoise cyan aqua 青 青色 蓝绿",
    "blue": "blue azure navy cobalt sapphire 蓝 蓝色 天蓝 深蓝",
    "purple": "purple violet lavender indigo magenta 紫 紫色",
    "pink": "pink rose_pink 粉 粉色 粉红 粉红色",
    "brown": "brown tan chestnut 棕 棕色 褐色",
    "black": "black ebony 黑 黑色",
    "white": "white ivory 白 白色 雪白",
    "grey": "grey gray silver 灰 灰色 银色",
}

RGB = {
    "red": (0.84, 0.13, 0.14),
    "orange": (0.95, 0.48, 0.10),
    "gold": (0.88, 0.66, 0.20),
    "yellow": (0.97, 0.85, 0.22),
    "green": (0.16, 0.62, 0.26),
    "teal": (0.09, 0.62, 0.62),
    "blue": (0.14, 0.34, 0.86),
    "purple": (0.50, 0.21, 0.72),
    "pink": (0.96, 0.50, 0.70),
    "brown": (0.45, 0.28, 0.16),
    "black": (0.09, 0.09, 0.11),
    "white": (0.95, 0.95, 0.95),
    "grey": (0.55, 0.56, 0.58),
}

STYLES = {
    "oil": "oil_painting oil painting painterly painted acrylic 油画 绘画",
    "watercolour": "watercolor watercolour aquarelle gouache 水彩 水彩画",
    "sketch": "sketch pencil drawing line_art lineart charcoal 素描 铅笔画 速写 线稿",
    "ink": "ink ink_wash sumi-e sumi chinese_painting calligraphy 水墨 水墨画 国画 中国画",
    "anime": "anime manga cartoon comic ghibli cel_shaded illustration 动漫 卡通 漫画 二次元 动画",
    "pixel": "pixel_art pixel 8-bit 16-bit pixelated 像素 像素风",
    "impressionist": "impressionist impressionism monet renoir 印象派 莫奈",
    "gogh": "gogh van_gogh expressionist swirling 梵高",
    "mosaic": "mosaic stained_glass low_poly lowpoly polygonal 马赛克 彩色玻璃 低多边形",
    "sepia": "sepia vintage retro old_photo 复古 怀旧 老照片",
    "mono": "monochrome black_and_white grayscale greyscale noir 黑白 单色",
    "neon": "neon cyberpunk synthwave vaporwave 霓虹 赛博朋克 蒸汽波",
    "poster": "minimalist minimalistic flat poster ukiyo-e ukiyo woodblock 极简 扁平 海报 浮世绘",
    "vivid": "vivid vibrant colorful colourful saturated 鲜艳 色彩鲜艳 多彩",
    "soft": "soft pastel dreamy muted gentle 柔和 梦幻",
}

COUNTS = {
    "2": "two pair couple twins 两 两只 两个 两条 两匹 二 一对 两艘 两辆 两棵",
    "3": "three trio 三 三只 三个 三条 三匹 三艘 三辆 三棵",
    "4": "four 四 四只 四个 四条",
    "5": "five several many group flock herd 五 五只 五个 一群 许多 几只",
}

COVERS = {
    "pop": "hills at sunset, clouds, pink | three balloons over green hills, rainbow | city skyline at dusk, pink and "
    "teal | beach, palm tree, pink, vivid",
    "rock": "desert at sunset, orange | mountains, storm, lightning, red | city street at night, red, oil painting | "
    "guitar in the desert at sunset",
    "metal": "volcano at night, storm, red | castle, mountains at night, storm, lightning | dragon over a volcano at "
    "night | forest at night, fog, red",
    "jazz": "city at night, gold | trumpet, blue background | city at dusk, rain, gold, oil painting | city at night, "
    "blue and gold, poster",
    "lofi": "city at dusk, rain, purple | a cup of coffee on a table, cozy room, rainy window | cat on a meadow at "
    "dusk, purple, anime | street in the rain at night, soft",
    "edm": "neon city at night, blue and purple | space, nebula, neon | abstract, purple and blue, neon | neon city "
    "street at night, pink",
    "ambient": "misty lake at dawn, mountains, teal | space, nebula | aurora over snowy mountains | calm sea at "
    "sunrise, soft",
    "classical": "mountain lake at sunrise, gold | lake, swan at sunrise, oil painting | hills, autumn, gold, oil "
    "painting | violin, brown background",
    "folk": "hills and meadow at golden hour, green | house in the hills at sunset, watercolor | forest lake at dawn, "
    "watercolor | sunflower in a field, golden hour",
    "hiphop": "city street at sunset, orange | car in the city street at night | microphone, red background | city "
    "skyline at night, gold, poster",
    "trap": "neon city at night, purple | sports car in the city street at night, neon | abstract, black and red | "
    "city at night, storm, purple",
    "blues": "lake at night, moonlight, blue | train in the desert at night, blue | rainy city street at night, blue "
    "| guitar, blue background",
    "reggae": "tropical beach at sunset, green and gold | palm tree on the beach, green and gold | sailboat on the "
    "sea, sunny, vivid | sea at sunset, red and gold, poster",
    "synthwave": "neon city at night, purple and pink | sports car on the road at sunset, neon, pink | mountains at "
    "sunset, neon, purple and pink | palm tree on the beach at sunset, neon, pink",
    "country": "field at golden hour, barn | horse in a meadow at sunset | desert at sunset, cactus | truck in a "
    "field at sunset",
    "funk": "abstract, orange and purple, poster | city at sunset, purple and orange, poster | drum, orange "
    "background | car on the street, vivid, pink",
    "latin": "beach at sunset, red | dancer on the beach at sunset | tropical beach, palm tree, parrot, vivid | "
    "street at sunset, red and gold",
    "rnb": "city at night, purple and gold | rose, purple background, soft | sea at night, moonlight, purple | city "
    "at dusk, pink, soft",
    "guofeng": "misty mountain lake, ink wash | pagoda, cherry blossom, watercolor | mountains, fog, pagoda, ink wash "
    "| bamboo forest, fog, ink wash",
}
"""What a song's cover may show, by its genre, when its words name nothing that can be drawn."""
