"""What the illustrator can put into a picture: one line each, read once.

Columns: code point of the sprite (`fluent-emoji-3d` file name; what begins with `own-` has none) · the shape of our own
that stands in for it, with the colour it is drawn in · where it belongs · its height as a part of the picture's, when
it is the main thing · its names.

Where it belongs: `ground`, `head` (a sprite that is only a head: a body is drawn under it), `bust` (cut off by the
picture's lower edge), `air`, `afloat`, `sea` (under water), `object` (stands on a table as well as outdoors), `tall`
(buildings and trees), `space`.
"""

from functools import cache

import msgspec

_TABLE = """
1f408 | beast orange | ground | .46 | cat kitten kitty tabby 猫 小猫 猫咪
1f415 | beast gold | ground | .46 | dog puppy corgi shiba husky retriever 狗 小狗 柴犬 柯基
1f43a | beast grey | head | .52 | wolf wolves coyote 狼
1f98a | beast orange | head | .52 | fox red_fox vixen 狐狸
1f981 | beast gold | head | .56 | lion lioness 狮子
1f405 | beast orange | ground | .42 | tiger leopard jaguar cheetah 老虎 虎 豹子
1f40e | beast brown | ground | .54 | horse pony stallion mare 马 骏马
1f984 | beast white | bust | .62 | unicorn 独角兽
1f98c | beast brown | ground | .56 | deer stag reindeer elk moose 鹿 麋鹿
1f404 | beast white | ground | .48 | cow bull cattle 牛 奶牛
1f416 | beast pink | ground | .40 | pig piglet boar 猪 小猪
1f411 | beast white | ground | .42 | sheep lamb 羊 绵羊
1f410 | beast brown | ground | .44 | goat 山羊
1f42a | beast gold | ground | .54 | camel 骆驼
1f998 | beast brown | ground | .52 | kangaroo 袋鼠
1f418 | beast grey | ground | .58 | elephant 大象 象
1f98f | beast grey | ground | .50 | rhino rhinoceros hippo 犀牛
1f42d | beast grey | head | .40 | mouse rat 老鼠
1f407 | beast white | ground | .38 | rabbit bunny hare 兔子 小兔
1f43f-fe0f | beast brown | ground | .36 | squirrel chipmunk 松鼠
1f994 | beast brown | ground | .34 | hedgehog porcupine 刺猬
1f43b | beast brown | head | .58 | bear grizzly 熊
1f43c | beast white | head | .58 | panda 熊猫 大熊猫
1f428 | beast grey | head | .50 | koala 考拉
1f413 | bird red | ground | .40 | chicken rooster hen 鸡 公鸡 母鸡
1f426 | bird red | ground | .30 | robin sparrow songbird 麻雀
1f54a-fe0f | bird white | air | .26 | bird dove pigeon seagull gull crane 鸟 鸽子 海鸥 白鹤 小鸟
1f427 | bird blue | ground | .44 | penguin 企鹅
1f985 | bird brown | air | .34 | eagle hawk falcon 老鹰 鹰
1f986 | bird green | afloat | .30 | duck duckling goose 鸭子 鹅
1f9a2 | bird white | afloat | .34 | swan 天鹅
1f989 | bird brown | ground | .42 | owl 猫头鹰
1f9a9 | bird pink | ground | .50 | flamingo 火烈鸟
1f99a | bird teal | ground | .50 | peacock 孔雀
1f99c | bird red | ground | .42 | parrot macaw 鹦鹉
1f438 | beast green | bust | .40 | frog toad 青蛙
1f422 | beast green | ground | .30 | turtle tortoise 乌龟 海龟
1f40a | beast green | ground | .42 | crocodile alligator 鳄鱼
1f98e | beast green | ground | .34 | lizard gecko 蜥蜴
1f40d | beast green | ground | .40 | snake serpent 蛇
1f409 | dragon green | air | .50 | dragon 龙 巨龙
1f995 | beast green | ground | .62 | dinosaur brontosaurus 恐龙
1f996 | beast green | ground | .60 | t-rex trex tyrannosaurus 霸王龙
1f433 | fish blue | afloat | .50 | whale orca 鲸鱼 鲸
1f42c | fish blue | afloat | .42 | dolphin 海豚
1f988 | fish grey | sea | .42 | shark 鲨鱼
1f420 | fish orange | sea | .34 | fish goldfish koi clownfish 鱼 金鱼 锦鲤
1f419 | fish red | sea | .44 | octopus squid jellyfish 章鱼 水母
1f980 | beast red | ground | .30 | crab lobster 螃蟹
1f40c | beast brown | ground | .30 | snail 蜗牛
1f98b | butterfly orange | air | .28 | butterfly moth 蝴蝶
1f41d | butterfly yellow | air | .24 | bee bumblebee 蜜蜂
1f41e | round red | ground | .26 | ladybug beetle 瓢虫
1f577-fe0f | round black | ground | .30 | spider 蜘蛛
1f490 | flower pink | object | .44 | bouquet flowers 花束
1f339 | flower red | object | .44 | rose 玫瑰
1f33b | flower yellow | object | .52 | sunflower 向日葵
1f337 | flower pink | object | .44 | tulip flower orchid 郁金香 花 花朵
1f33c | flower white | object | .40 | daisy blossom_flower lotus lily 雏菊 莲花 荷花
1f332 | pine green | tall | .62 | pine pine_tree fir evergreen spruce 松树
1f333 | tree green | tall | .66 | tree oak maple willow 树 大树 古树
1f334 | palm green | tall | .66 | palm palm_tree coconut_tree 棕榈树 椰子树
1f335 | cactus green | tall | .52 | cactus 仙人掌
1f384 | pine green | tall | .66 | christmas_tree 圣诞树
1f344 | mushroom red | object | .40 | mushroom toadstool 蘑菇
1f3f0 | castle grey | tall | .66 | castle palace fortress 城堡 宫殿
1f3ef | castle red | tall | .66 | pagoda temple shrine japanese_castle 宝塔 寺庙 塔 古塔
26e9-fe0f | castle red | tall | .56 | torii torii_gate 鸟居
1f3e0 | house red | tall | .50 | house home cabin cottage hut barn 房子 小屋 木屋
26ea | house brown | tall | .58 | church chapel cathedral 教堂
1f54c | castle gold | tall | .62 | mosque taj_mahal 清真寺
1f5fc | tower red | tall | .74 | tower eiffel eiffel_tower 铁塔 埃菲尔铁塔
own-lighthouse | lighthouse red | tall | .66 | lighthouse 灯塔
own-windmill | windmill white | tall | .60 | windmill 风车
own-bridge | bridge brown | afloat | .30 | bridge 桥 小桥
1f5fd | tower teal | tall | .72 | statue statue_of_liberty 自由女神
26f2 | tower grey | ground | .44 | fountain 喷泉
26fa | house green | ground | .40 | tent camping campsite 帐篷 露营
1f3a1 | tower purple | tall | .66 | ferris_wheel 摩天轮
1f682 | car black | ground | .46 | train locomotive steam_train 火车
1f697 | car red | ground | .40 | car automobile vehicle sedan 汽车 轿车 小汽车 车
1f3ce-fe0f | car red | ground | .32 | race_car racing_car sports_car supercar formula 跑车 赛车
1f695 | car yellow | ground | .40 | taxi cab 出租车
1f68c | car orange | ground | .46 | bus school_bus 公交车 巴士
1f69a | car gold | ground | .44 | truck lorry van 卡车
1f6b2 | car red | ground | .42 | bicycle bike 自行车
1f3cd-fe0f | car red | ground | .40 | motorcycle motorbike scooter 摩托车
26f5 | boat orange | afloat | .50 | sailboat boat yacht sailing 帆船 船 小船
1f6a2 | boat red | afloat | .48 | ship cruise ferry pirate_ship 轮船 大船
1f6f6 | boat brown | afloat | .26 | canoe kayak rowboat 独木舟
2708-fe0f | plane white | air | .34 | airplane plane aircraft jet 飞机
1f681 | plane orange | air | .34 | helicopter 直升机
1f680 | rocket white | space | .50 | rocket spaceship spacecraft shuttle 火箭 飞船 宇宙飞船
1f6f8 | plane grey | space | .34 | ufo flying_saucer 飞碟
1f6f0-fe0f | plane grey | space | .32 | satellite space_station 卫星 空间站
1fa90 | round gold | space | .34 | saturn ringed_planet 土星
1f388 | balloon red | air | .34 | balloon balloons 气球
1f916 | robot grey | bust | .50 | robot android cyborg mech 机器人
1f47d | person green | bust | .48 | alien extraterrestrial 外星人
1f47b | person white | air | .36 | ghost spirit 幽灵 鬼
1f383 | round orange | object | .38 | pumpkin jack-o-lantern halloween 南瓜 万圣节
26c4 | person white | ground | .46 | snowman 雪人
1f9cd | person orange | ground | .56 | person people man guy traveler traveller hiker samurai 人 男人 行人 旅人
1f9cd-200d-2640-fe0f | person purple | ground | .56 | woman lady female girl 1girl model 女人 女孩 少女 女子 美女
1f466 | person blue | bust | .46 | boy 1boy child kid 男孩 小孩 孩子
1f478 | person pink | bust | .56 | princess queen 公主 女王
1f934 | person blue | bust | .56 | prince king 王子 国王
1f9d9 | person blue | bust | .58 | wizard mage witch sorcerer magician 巫师 魔法师 女巫
1f9da | person orange | air | .40 | fairy pixie angel 仙女 精灵 天使
1f9dc-200d-2640-fe0f | person purple | sea | .48 | mermaid 美人鱼
1f9dd | person green | bust | .58 | elf ranger 精灵族
1f9db | person black | bust | .58 | vampire dracula 吸血鬼
1f9df | person teal | bust | .58 | zombie 僵尸
1f9d1-200d-1f680 | person white | bust | .58 | astronaut cosmonaut spaceman 宇航员 航天员
1f977 | person black | bust | .56 | ninja assassin 忍者
1f483 | person red | ground | .58 | dancer ballerina dancing 舞者 跳舞
1f3c4 | person orange | afloat | .46 | surfer surfing 冲浪
1f482 | person red | bust | .56 | guard soldier knight warrior 士兵 骑士 战士
1f9b8 | person blue | bust | .56 | superhero hero superman 超级英雄 英雄
1f477 | person yellow | bust | .54 | worker builder engineer 工人
1f46e | person blue | bust | .54 | police policeman detective 警察
1f476 | person pink | bust | .46 | baby toddler 婴儿 宝宝
1f475 | person grey | bust | .52 | grandmother old_woman 奶奶 老奶奶
1f474 | person grey | bust | .52 | grandfather old_man 爷爷 老人
1f34e | round red | object | .36 | apple apples 苹果
1f34a | round orange | object | .34 | tangerine_fruit mandarin orange_fruit 橘子 橙子
1f34b | round yellow | object | .34 | lemon_fruit lemons 柠檬
1f353 | round red | object | .34 | strawberry strawberries 草莓
1f349 | round green | object | .36 | watermelon 西瓜
1f352 | round red | object | .34 | cherries cherry 樱桃
1f347 | round purple | object | .36 | grapes grape 葡萄
1f34d | cactus gold | object | .42 | pineapple 菠萝
1f34c | round yellow | object | .34 | banana bananas 香蕉
1f951 | round green | object | .34 | avocado 牛油果
1f355 | round gold | object | .38 | pizza 披萨
1f354 | round brown | object | .38 | burger hamburger cheeseburger 汉堡
1f363 | round orange | object | .34 | sushi 寿司
1f35c | cup red | object | .40 | ramen noodles soup bowl 拉面 面条
1f382 | cup pink | object | .42 | cake birthday_cake 蛋糕
1f369 | round pink | object | .36 | donut doughnut 甜甜圈
1f366 | cup white | object | .42 | ice_cream icecream 冰淇淋
2615 | cup white | object | .38 | coffee tea cup mug espresso 咖啡 茶 杯子 茶杯
1f377 | cup red | object | .44 | wine wine_glass 红酒
1f9f8 | beast brown | object | .46 | teddy teddy_bear plush 泰迪熊
1f4da | robot blue | object | .36 | books book 书 书本
1f4f7 | robot grey | object | .36 | camera 相机
1f4bb | robot grey | object | .38 | laptop computer 电脑
1f3b8 | cactus orange | object | .54 | guitar 吉他
1f3b9 | robot black | object | .34 | piano keyboard 钢琴
1f3bb | cactus brown | object | .50 | violin 小提琴
1f3ba | cactus gold | object | .40 | trumpet saxophone 小号
1f941 | cup red | object | .40 | drum drums 鼓
1f3a4 | cactus grey | object | .46 | microphone singer 麦克风
1f451 | cup gold | object | .36 | crown 皇冠
1f48e | round teal | object | .38 | diamond gem crystal jewel 钻石 水晶 宝石
2694-fe0f | cactus grey | object | .46 | sword swords katana 剑 宝剑
1f511 | cactus gold | object | .36 | key 钥匙
1f56f-fe0f | cactus white | object | .44 | candle 蜡烛
1f52e | round purple | object | .44 | crystal_ball magic_orb 水晶球
2764-fe0f | heart red | object | .44 | heart love 心 爱心 爱
2b50 | star yellow | object | .44 | star_shape 五角星
26bd | round white | object | .36 | football soccer soccer_ball 足球
1f3c0 | round orange | object | .36 | basketball 篮球
1f32a-fe0f | tower grey | tall | .70 | tornado 龙卷风
1f525 | heart orange | ground | .44 | fire flame bonfire campfire 火 火焰 篝火
1fa91 | house brown | object | .44 | chair 椅子
1f6cb-fe0f | robot blue | object | .40 | sofa couch 沙发
23f0 | round red | object | .40 | clock alarm_clock 时钟 闹钟
1f4a1 | balloon yellow | object | .44 | light_bulb lightbulb idea 灯泡
2602-fe0f | mushroom purple | object | .42 | umbrella 雨伞 伞
1f392 | robot red | object | .42 | backpack 背包
1f3ee | round red | air | .30 | lantern lanterns paper_lantern 灯笼
1fa81 | balloon teal | air | .30 | kite 风筝
1f9ca | robot teal | object | .36 | ice_cube
1f30d | round blue | space | .40 | earth globe 地球
"""


class Subject(msgspec.Struct, frozen=True):
    """One kind of thing. `words` are its names, `shape` and `colour` what it is drawn as without sprites."""

    code: str
    shape: str
    colour: str
    stand: str
    size: float
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.words[0].replace("_", " ")


@cache
def subjects() -> tuple[Subject, ...]:
    """All of them, in the table's order."""
    return tuple(_read(line) for line in _TABLE.strip().splitlines())


def _read(line: str) -> Subject:
    code, drawn, stand, size, words = (part.strip() for part in line.split("|"))
    shape, colour = drawn.split()
    return Subject(code, shape, colour, stand, float(size), tuple(words.split()))
