"Files of pictures whose pixels are known exactly, written number by number: TIFF and PNG as no program here writes them."
import struct, zlib
import numpy as np

def packed(a, bits, order):
    "The rows of `a` as bytes, with so many bits a number."
    if bits >= 8 and bits == a.itemsize*8: return a.astype(a.dtype.newbyteorder(order)).tobytes()
    each = (a.reshape(len(a), -1, 1) >> np.arange(bits-1, -1, -1, dtype=a.dtype)) & 1
    return b''.join(np.packbits(o.reshape(-1).astype('uint8')).tobytes() for o in each)

def _chunks(a, bits, order, tile, strips):
    if tile is None: return [packed(a[i:i+strips], bits, order) for i in range(0, len(a), strips)]
    pad = np.pad(a, [(0, -len(a) % tile), (0, -a.shape[1] % tile), (0, 0)])
    return [packed(pad[y:y+tile, x:x+tile], bits, order) for y in range(0, len(pad), tile) for x in range(0, pad.shape[1], tile)]

def tiff(a, meaning, bits=None, order='<', extra=(), planes=False, deflate=False, tile=None, strips=8, big=False, tags={}, pages=1):
    "The numbers of `a` (rows × columns × bands) as a TIFF; `meaning` is 0 (white is 0), 1 (grey), 2 (RGB), 5 (CMYK)."
    rows,columns,bands = a.shape
    bits = bits or a.itemsize*8
    chunks = [c for o in (np.split(a, bands, 2) if planes else [a]) for c in _chunks(o, bits, order, tile, strips)]
    if deflate: chunks = [zlib.compress(o) for o in chunks]
    kind,place = {'u': 1, 'i': 2, 'f': 3}[a.dtype.kind],4 + 12*big
    tags = {256: (4, [columns]), 257: (4, [rows]), 258: (3, [bits]*bands), 259: (3, [8 if deflate else 1]), 262: (3, [meaning]), 277: (3, [bands]),
            284: (3, [1 + planes]), **({322: (3, [tile]), 323: (3, [tile])} if tile else {278: (4, [strips])}), **({338: (3, list(extra))} if extra else {}),
            **({339: (3, [kind]*bands)} if kind > 1 else {}), **tags}
    head = b'II' if order == '<' else b'MM'
    head,data = head + (struct.pack(order + 'HHHQ', 43, 8, 0, 16) if big else struct.pack(order + 'HI', 42, 8)),b''.join(chunks)
    def table(start, after): # of one page, that begins at `start`; its pixels begin `after` all pages
        where = [after + sum(map(len, chunks[:i])) for i in range(len(chunks))]
        own = sorted({**tags, (324 if tile else 273): (place, where), (325 if tile else 279): (place, [*map(len, chunks)])}.items())
        inside,behind,out = 8 if big else 4,b'',b''
        first = start + (16 + 20*len(own) if big else 6 + 12*len(own))
        for tag,(form,values) in own:
            raw = struct.pack(order + {1: 'B', 3: 'H', 4: 'I', 16: 'Q'}[form]*len(values), *values)
            out += struct.pack(order + ('HHQ' if big else 'HHI'), tag, form, len(values))
            out += raw.ljust(inside, b'\0') if len(raw) <= inside else struct.pack(order + ('Q' if big else 'I'), first + len(behind))
            if len(raw) > inside: behind += raw
        return struct.pack(order + ('Q' if big else 'H'), len(own)) + out,behind
    size = sum(map(len, table(0, 0))) + (8 if big else 4)
    out = head
    for i in range(pages):
        own,behind = table(len(head) + i*size, len(head) + pages*size)
        out += own + struct.pack(order + ('Q' if big else 'I'), (len(head) + (i+1)*size)*(i+1 < pages)) + behind
    return out + data

def chunk(name, content, wrong=0):
    "A chunk of a PNG; its checksum can be made `wrong`."
    return struct.pack('>I', len(content)) + name + content + struct.pack('>I', zlib.crc32(name + content) ^ wrong)

_PASSES = (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2) # left, top, steps

def png(a, kind, bits=8, interlaced=False, more=b''):
    "The numbers of `a` (rows × columns × bands) as a PNG; `kind` is 0 (grey), 2 (RGB), 3 (palette), 4 (grey, alpha), 6 (RGBA)."
    parts = [a[y::down, x::right] for x,y,right,down in _PASSES] if interlaced else [a]
    lines = [b'\0' + packed(row[None], bits, '>') for o in parts if o.shape[1] for row in o]
    head = struct.pack('>IIBBBBB', a.shape[1], a.shape[0], bits, kind, 0, 0, interlaced)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + more + chunk(b'IDAT', zlib.compress(b''.join(lines))) + chunk(b'IEND', b'')

def matrix_profile(gamma, red=(.4361, .2225, .0139), green=(.3851, .7169, .0971), blue=(.1431, .0606, .7141)):
    "A small colour profile with the primaries of sRGB, or others, and a simple curve."
    xyz = lambda o: b'XYZ \0\0\0\0' + b''.join(struct.pack('>i', round(x*65536)) for x in o)
    curve = b'curv\0\0\0\0' + struct.pack('>IH', 1, round(gamma*256)) + b'\0\0'
    text = b'desc\0\0\0\0' + struct.pack('>I', 5) + b'test\0' + bytes(82)
    parts = [(b'desc', text), (b'wtpt', xyz((.9642, 1, .8249))), (b'rXYZ', xyz(red)), (b'gXYZ', xyz(green)), (b'bXYZ', xyz(blue)),
             *((o, curve) for o in (b'rTRC', b'gTRC', b'bTRC'))]
    table,body,start = b'',b'',128 + 4 + 12*len(parts)
    for name,o in parts:
        table += name + struct.pack('>II', start + len(body), len(o))
        body += o + b'\0'*(-len(o) % 4)
    head = struct.pack('>I4sI4s4s4s', start + len(body), b'lcms', 0x02400000, b'mntr', b'RGB ', b'XYZ ') + bytes(12) + b'acsp' + bytes(28)
    return (head + struct.pack('>iii', 63190, 65536, 54061)).ljust(128, b'\0') + struct.pack('>I', len(parts)) + table + body
