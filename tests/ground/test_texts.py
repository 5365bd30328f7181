"Bytes of many alphabets become the text that was meant; tables of many programs are read alike."
import pytest
from petlearn.core import PetLearnError
from petlearn.texts import decode_text, read_text_table

WORDS = { # words of one language in the alphabets in which old programs write them
    'cp1252': 'Möhre|Zoë.jpg|größe|éléphant|niño|Käse und Brot|Ärger|chien à poil', 'cp437': 'Möhre|Zoë|niño|über|éléphant', 'cp850': 'ção|Möhre',
    'cp932': '猫|犬|ネコ|いぬ|柴犬/ポチ.jpg|写真 1.jpg|表.jpg|三毛猫', 'gbk': '狗|照片|小猫/图片1.jpg|中文|猫咪.jpg|布偶猫|金毛寻回犬', 'big5': '照片|圖片|貓咪|小狗照片',
    'cp949': '고양이 강아지', 'cp1251': 'кошка|Собака|Фото кота', 'cp866': 'кошка|Собака', 'mac_roman': 'Möhre',
    'utf-8': 'Möhre|猫|кошка|γάτα|חתול|قطة|🐱|Zoë', 'utf-8-sig': 'Möhre', 'utf-16': 'Möhre|猫', 'utf-16-le': 'Möhre', 'utf-16-be': 'Möhre'}

def test_words_in_their_alphabets():
    "Each alone, and in a table among ASCII."
    for encoding,words in WORDS.items():
        for word in words.split('|'):
            for text in (word, f'file,label\n1.jpg,{word}\n2.jpg,dog\n'):
                found = decode_text(text.encode(encoding))
                assert (found.text, found.guessed) == (text, not encoding.startswith('utf')), (encoding, word)
                assert bool(found.note) == found.guessed

NO_TEXT = [b'PK\x03\x04\x14\x00\x06\x00', b'\xff\xd8\xff\xe0\x00\x10JFIF', b'\xff\xfefi\x00', bytes(20), b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR']

def test_what_is_no_text():
    for o in NO_TEXT: assert decode_text(o) is None, o
    assert decode_text(b'').text == ''
    assert decode_text(b'M\xfcl\x81ler.jpg,\xc3\x96l').text == 'Mül\ufffdler.jpg,Öl', 'UTF-8 with some bytes of something else'

ROWS = { # text, and the cells of its last row
    'comma': ('file,label\na,b', ['a', 'b']), 'semicolon': ('file;label\na;b, c', ['a', 'b, c']), 'tab': ('file\tlabel\na\tb', ['a', 'b']), 'line': ('file|label\na|b', ['a', 'b']),
    'Excel': ('sep=;\r\nfile;label\r\na;b\r\n', ['a', 'b']), 'mark, then Excel': ('\ufeffsep=;\nfile;label\na;b', ['a', 'b']), 'comment': ('# my pets; mine\nfile,label\na,b', ['a', 'b']),
    'comment at the end': ('file,label\na,b\n# the end', ['a', 'b']), 'a name with #': ('file,label\n#1.jpg,b', ['#1.jpg', 'b']), 'old Mac': ('file,label\ra,b\r', ['a', 'b']),
    'blank lines': ('\n\nfile,label\na,b\n\n,\n', ['a', 'b']), 'quotes': ('"file","label"\n"a, b","c"', ['a, b', 'c']), 'a line in quotes': ('file,label\n"a\nb",c', ['a\nb', 'c']),
    'hard blanks': ('file,label\na\u00a0,\u200bb\ufeff', ['a', 'b']), 'comma in each label': ('file;label\na;b, c\nd;e, f', ['d', 'e, f']), 'semicolon in each label': ('file,label\na,b;c', ['a', 'b;c']),
}

def test_rows(tmp_path):
    for name,(text,row) in ROWS.items():
        (tmp_path/'t.csv').write_bytes(text.encode())
        assert read_text_table(tmp_path/'t.csv').rows[-1][1] == row, name

def test_tables_that_can_not_be_read(tmp_path):
    for data,says in ((b'PK\x03\x04\x14\x00', 'not a table in plain text'), (b'file,label\n"1.jpg,cat\n', 'Line 2 of .*quotation|Line 2 of')):
        (tmp_path/'t.csv').write_bytes(data)
        with pytest.raises(PetLearnError, match=says): read_text_table(tmp_path/'t.csv')
    with pytest.raises(PetLearnError, match="Can't read"): read_text_table(tmp_path/'no.csv')
