"What a camera sees that doesn't move: lists of (label, picture), drawn. In none of them is a photo a copy of another."
from io import BytesIO
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

def _noisy(img, rng, sd):
    x = np.asarray(img, float)
    return Image.fromarray((x + rng.normal(0, sd, x.shape)).clip(0, 255).astype('uint8'))

def _floor(rng, w, h, colour=(120, 116, 108), depth=50):
    "Something like a floor or a wall: smooth noise of three sizes."
    x = sum(np.asarray(Image.fromarray(rng.normal(0, 1, (h//k+2, w//k+2)).astype('f4')).resize((w, h), Image.Resampling.BICUBIC)) for k in (64, 24, 8))
    return Image.fromarray((np.array(colour) + depth/3*x[...,None]).clip(0, 255).astype('uint8'))

def _words(pen, rng, x, y, n, size=9, fill=(30, 30, 60)):
    "Something like `n` words."
    for _ in range(n):
        k = int(rng.integers(2, 8))
        for j in range(k):
            a,b = x + j*size*.6,y + rng.integers(0, 3)
            pen.line((a, b+size*.8, a+rng.integers(1, 5), b+rng.integers(0, 4)), fill=fill)
            pen.line((a, b+3, a+4, b+3+rng.integers(0, 5)), fill=fill)
        x += k*size*.6 + 6

def conveyor(n, w=320, h=240, moves=8):
    "A part, never at quite the same place (or always, with `moves=1`); every other one is scratched."
    rng = np.random.default_rng(0)
    back,found = _floor(rng, w, h),[]
    for i in range(n):
        img,(x,y) = back.copy(),(118 + rng.integers(0, moves), 78 + rng.integers(0, moves))
        pen = ImageDraw.Draw(img)
        pen.rounded_rectangle((x, y, x+80, y+70), 12, fill=(188, 190, 196), outline=(70, 70, 80), width=3)
        pen.ellipse((x+28, y+22, x+52, y+46), fill=(60, 60, 66))
        if i % 2:
            a,b = rng.integers(8, 60),rng.integers(8, 50)
            pen.line((x+a, y+b, x+a+rng.integers(10, 20), y+b+rng.integers(-14, 15)), fill=(200, 40, 30), width=4)
        found.append((('good', 'scratched')[i % 2], _noisy(img, rng, 4)))
    return found

def fixture(n): return conveyor(n, moves=1)

def parking(n, w=320, h=240):
    "Cars come and go, and the sun wanders."
    rng = np.random.default_rng(0)
    back = _floor(rng, w, h, (105, 105, 108), 30)
    places = [(20+56*i, y) for y in (40, 150) for i in range(5)]
    for x,y in places: ImageDraw.Draw(back).rectangle((x, y, x+50, y+62), outline=(225, 225, 220), width=2)
    colours,cars,found = [(190, 30, 30), (235, 235, 235), (40, 40, 44), (50, 80, 150), (150, 150, 155)],{},[]
    for i in range(n):
        for o in places:
            if rng.random() < .25: cars[o] = None if cars.get(o) else colours[rng.integers(5)]
        img = back.copy()
        pen = ImageDraw.Draw(img)
        for (x,y),colour in cars.items():
            if colour:
                pen.rounded_rectangle((x+9, y+6, x+41, y+57), 8, fill=colour)
                pen.rectangle((x+13, y+18, x+37, y+28), fill=(60, 70, 80))
        light = (.75 + .35*np.sin(np.pi*i/n))*(1 + .25*np.cos(np.pi*i/n)*np.linspace(-1, 1, w))[None,:,None]
        img = Image.fromarray((np.asarray(img)*light).clip(0, 255).astype('uint8'))
        found.append((('free', 'full')[sum(map(bool, cars.values())) > 5], _noisy(img, rng, 3)))
    return found

def forms(n, w=300, h=400):
    "Three fields of a form are filled in, and one of two boxes is ticked."
    rng,printed = np.random.default_rng(0),np.random.default_rng(99)
    back,rows,found = Image.new('RGB', (w, h), (250, 250, 246)),list(range(60, 380, 32)),[]
    pen = ImageDraw.Draw(back)
    pen.rectangle((10, 10, 290, 40), fill=(70, 90, 140))
    for y in rows:
        _words(pen, printed, 14, y, 2, fill=(20, 20, 20))
        pen.rectangle((130, y-4, 285, y+16), outline=(120, 120, 120))
    for i in range(n):
        img = back.copy()
        pen,x,y = ImageDraw.Draw(img),(210, 150)[i % 2],rows[-1]
        for o in rng.choice(rows[:-1], 3, replace=False): _words(pen, rng, 136, int(o), int(rng.integers(1, 4)), fill=(20, 30, 120))
        pen.line((x, y, x+8, y+10, x+18, y-4), fill=(20, 30, 120), width=2)
        found.append((('no', 'yes')[i % 2], img))
    return found

def screens(n, w=400, h=300):
    "A window with the same bar and list, and another text each time."
    rng,printed = np.random.default_rng(0),np.random.default_rng(98)
    back,found = Image.new('RGB', (w, h), 'white'),[]
    pen = ImageDraw.Draw(back)
    pen.rectangle((0, 0, w, 24), fill=(60, 60, 70))
    pen.rectangle((0, 24, 80, h), fill=(235, 237, 240))
    for y in range(34, 290, 16): _words(pen, printed, 6, y, 1, 8, (90, 90, 90))
    for i in range(n):
        img,code = back.copy(),i % 2
        for y in range(36, 36 + 13*int(rng.integers(8, 19)), 13):
            _words(ImageDraw.Draw(img), rng, 90 + 12*code*int(rng.integers(0, 4)), y, int(rng.integers(1, 7 - 2*code)), 8, (30, 30, 30))
        found.append((('letter', 'code')[code], img))
    return found

def gauges(n, w=240, h=240):
    "A needle on a dial."
    rng = np.random.default_rng(0)
    back,found = _floor(rng, w, h, (90, 100, 90), 30),[]
    ImageDraw.Draw(back).ellipse((40, 40, 200, 200), fill=(240, 240, 235), outline=(20, 20, 20), width=4)
    for i in range(n):
        img,turn = back.copy(),rng.uniform(0, np.pi) + np.pi*(i % 2)
        ImageDraw.Draw(img).line((120, 120, 120+62*np.cos(turn), 120+62*np.sin(turn)), fill=(180, 20, 20), width=3)
        found.append((('low', 'high')[i % 2], _noisy(img, rng, 3)))
    return found

def digits(n):
    "Handwritten digits of 8 × 8 pixels, enlarged."
    from sklearn.datasets import load_digits
    x,y = load_digits(return_X_y=True)
    return [(str(k), Image.fromarray((o.reshape(8, 8)*15.9).astype('uint8')).resize((28, 28), Image.Resampling.BICUBIC)) for o,k in zip(x[:n], y[:n])]

def film(n, w=320, h=240):
    "A ball rolls through the picture."
    rng = np.random.default_rng(0)
    back,found = _floor(rng, w, h, (110, 130, 100), 60),[]
    for i in range(n):
        img,x = back.copy(),20 + 280*i/n
        ImageDraw.Draw(img).ellipse((x-16, 104, x+16, 136), fill=(220, 60, 40))
        found.append((('left', 'right')[2*i >= n], _noisy(img, rng, 3)))
    return found

SCENES = dict(conveyor=conveyor, fixture=fixture, parking=parking, forms=forms, screens=screens, gauges=gauges, digits=digits, film=film)

def _again(img, quality=92):
    f = BytesIO()
    img.save(f, 'JPEG', quality=quality)
    return Image.open(BytesIO(f.getvalue())).convert('RGB')

COPIES = dict(resized=lambda o: _again(o.resize([round(s*.6) for s in o.size])), recompressed=lambda o: _again(o, 60),
              mirrored=lambda o: _again(ImageOps.mirror(o)), lightened=lambda o: _again(ImageEnhance.Brightness(o).enhance(1.15)))
