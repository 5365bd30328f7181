"The card of an exported model: sentences that are right, and any label shown letter by letter."
import re
from petlearn.deploy.export import weights_licence
from petlearn.deploy.model_card import doubts, markdown_text, model_card

GOOD = dict(valid=dict(wrong=1, of=8, always=dict(label='cat', wrong=4), in_words='', labels={}))
DOUBTS = {'good': (dict(metrics=GOOD), None), 'as good as a guess': (dict(metrics=dict(valid=GOOD['valid'] | dict(wrong=4))), "always answering 'cat' would be wrong on 4. It is no better"),
          'test': (dict(metrics=GOOD | dict(test=GOOD['valid'] | dict(wrong=7))), 'wrong on 7 of 8 test photos'),
          'unknown': (dict(metrics={}), 'not measured'), 'monotonous': (dict(metrics=GOOD, parity=dict(answers=dict(dog=8))), "It answers 'dog' for each of 8 validation photos"),
          'one photo': (dict(metrics=GOOD, parity=dict(answers=dict(dog=1))), None)}

def test_doubts():
    for case,(metadata,says) in DOUBTS.items():
        assert doubts(metadata) == [] if says is None else says in ' '.join(doubts(metadata)), case

CARD = dict(run='V001-x', arch='resnet18', size=64, labels=['cat', 'dog'], temperature=1., limit=None, metrics={}, dataset=dict(version='x', photos=dict(train=dict(cat=1, dog=1))),
            preprocessing=[], licence='x', versions=dict(petlearn='0'), parity=dict(photos=1))
ODD = ['<img src=x onerror=alert(1)>', 'a|b', '`rm`', "it's \"so\"", 'line\nbreak', '# title', '**bold**', 'наша кошка', '猫', '[x](http://y)', '\u202eevil', '$x$']

def test_odd_labels():
    most = dict(label=ODD[0], wrong=1)
    metadata = CARD | dict(labels=ODD, run='V001-<b>', metrics=dict(valid=dict(wrong=0, of=9, in_words='', always=most, labels={o: dict(of=1, right=1) for o in ODD})),
                  dataset=dict(version='x', photos=dict(train={o: 1 for o in ODD})))
    card = model_card(metadata, {'model.onnx': (3, 'abc')})
    assert '<img' not in card and '<b>' not in card and '\u202e' not in card and r'a\|b' in card and '猫' in card and 'наша кошка' in card
    assert r'\`rm\`' in card and 'line break' in card and r'\# title' in card and r'\*\*bold' in card and r'\[x\]' in card and r'\$x\$' in card
    tables = [o for o in card.splitlines() if o.startswith('|')]
    assert all(len(re.findall(r'(?<!\\)\|', o)) in (3, 4) for o in tables)

def test_licences():
    for arch,word,head in (('efficientnet_lite0', 'Apache-2.0', 'apache-2.0'), ('resnet18', 'ImageNet', 'other'), ('mobilenetv3_small_050', 'apache-2.0', 'apache-2.0')):
        licence = weights_licence(arch)
        assert word in licence and model_card(CARD | dict(licence=licence), {}).startswith(f'---\nlicense: {head}\n')

def test_text_in_markdown(): assert markdown_text('a\n<b>|`*') == r'a &lt;b&gt;\|\`\*'
