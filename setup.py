"Read everything from settings.ini; edit there, not here."
from configparser import ConfigParser
import shlex, setuptools

cfg = ConfigParser(delimiters=['='])
cfg.read('settings.ini', encoding='utf-8')
cfg = cfg['DEFAULT']
pys = [f'3.{o}' for o in range(int(cfg['min_python'].split('.')[1]), 14)]
setuptools.setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'],
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'], license='Apache-2.0',
    python_requires=f">={cfg['min_python']}", packages=[*setuptools.find_packages(include=[cfg['lib_path']+'*']), 'petlearn.nbs'],
    package_dir={'petlearn.nbs': cfg['nbs_path']}, # the notebooks travel along: `petlearn lessons FOLDER` copies them
    package_data={'petlearn': ['static/*', '*/*.toml'], 'petlearn.nbs': ['*.ipynb', '*/*.ipynb', '*/*/*.ipynb']},
    classifiers=['Programming Language :: Python :: '+o for o in pys],
    install_requires=shlex.split(cfg['requirements']),
    extras_require={o: shlex.split(cfg[f'{o}_requirements']) for o in ('dev', 'notebook', 'heic', 'accuracy', 'serve')},
    long_description=open('README.md', encoding='utf-8').read(), long_description_content_type='text/markdown',
    entry_points={'console_scripts': cfg['console_scripts'].split(),
                  'nbdev': [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"]})
