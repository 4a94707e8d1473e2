"""Looks at a report from outside; needs Python's own library alone.

report_check.py parse PAGE            every tag closed and one that our pages use, ids unique, drawings valid XML, nothing
                                      fetched, nothing that acts
report_check.py numbers PAGE DIR...   the results table against the runs' metrics.jsonl
report_check.py browser PAGE CHROMIUM 1280 and 390 pixels wide in the real browser: no sideways scrolling
"""
import html
import html.parser
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

TAGS = set('html head meta title style body main header section p h1 h2 h3 div table thead tbody tr th td strong code sub '
           'sup span br ul li dl dt dd pre details summary figure figcaption i svg g path line rect circle text img'.split())
VOID = {'meta', 'link', 'br', 'hr', 'img', 'input'}
FETCHES = {'src', 'href', 'srcset', 'data', 'poster', 'action', 'xlink:href'}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.problems = [], set(), []
        self.rows, self.row, self.text = [], None, ''

    def handle_starttag(self, tag, attributes):
        for key, value in attributes:
            if key == 'id':
                if value in self.ids:
                    self.problems.append(f'id {value} twice')
                self.ids.add(value)
            own = tag == 'img' and key == 'src' and (value or '').startswith('data:image/png;base64,')
            if key in FETCHES and not (value or '').startswith('#') and not own:
                self.problems.append(f'<{tag} {key}={value}> would be fetched')
            if key == 'style' and 'url(' in (value or ''):
                self.problems.append(f'style of <{tag}> fetches')
            if key.startswith('on'):
                self.problems.append(f'<{tag} {key}> acts')
        if tag not in TAGS:
            self.problems.append(f'a <{tag}>')
        if tag not in VOID:
            self.open.append(tag)
        if tag == 'tr':
            self.row = []
        if tag in ('td', 'th'):
            self.text = ''

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f'</{tag}> closes {self.open[-1:]} at {self.getpos()}')
        else:
            self.open.pop()
        if tag in ('td', 'th') and self.row is not None:
            self.row.append(self.text.strip())
        if tag == 'tr':
            self.rows.append(self.row)
            self.row = None

    def handle_data(self, data):
        self.text += data


def parsed(path):
    page = Page()
    page.feed(open(path, encoding='utf-8').read())
    page.close()
    return page


def parse(path):
    page, text = parsed(path), open(path, encoding='utf-8').read()
    problems = page.problems + [f'<{t}> is never closed' for t in page.open]
    drawings = re.findall(r'<svg\b.*?</svg>', text, re.S)
    if not drawings:
        problems.append('no drawing')
    for i, drawing in enumerate(drawings):
        try:
            xml.etree.ElementTree.fromstring(drawing)
        except xml.etree.ElementTree.ParseError as e:
            problems.append(f'drawing {i}: {e}')
        if re.search(r'\b(nan|inf)\b', re.sub(r'>[^<]*<', '><', drawing)):
            problems.append(f'drawing {i} has coordinates that are no numbers')
    if re.search(r'@import|url\(\s*["\']?(?!#)', text):
        problems.append('the style fetches')
    if 'prefers-color-scheme' not in text:
        problems.append('no dark colours')
    for p in problems:
        print(p)
    return not problems


def number(text):
    return float(text.replace('\u2212', '-').replace(',', '').replace('\u202f', '').replace('\u2009', ''))


def numbers(path, folders):
    table = parsed(path).rows
    heads, problems = table[0], []
    for row, folder in zip(table[1:], folders):
        shown = dict(zip(heads, row))
        records = [json.loads(line) for line in open(os.path.join(folder, 'metrics.jsonl'))]
        last = [r for r in records if r['kind'] == 'eval'][-1]['values']
        summary = json.load(open(os.path.join(folder, 'summary.json')))
        for column, key, digits in (('score', 'score/mean', 1), ('return', 'return/mean', 0)):
            mean, std = (number(x) for x in shown[column].split('\u00b1'))
            half = 0.5 * 10 ** -digits + 1e-9
            if abs(mean - statistics.fmean(last[key])) > half:
                problems.append(f'{folder}: {column} {mean}, the log says {statistics.fmean(last[key])}')
            if abs(std - statistics.stdev(last[key])) > half:
                problems.append(f'{folder}: {column} +- {std}, the log says {statistics.stdev(last[key])}')
        if number(shown['agents']) != len(last['score/mean']):
            problems.append(f'{folder}: agents {shown["agents"]}')
        if number(shown['steps']) != summary['steps']:
            problems.append(f'{folder}: steps {shown["steps"]}, the summary says {summary["steps"]}')
    for p in problems:
        print(p)
    return not problems


def browser(path, chromium):
    page, fine = open(path, encoding='utf-8').read(), True
    for width in (1280, 390):
        with tempfile.TemporaryDirectory() as folder:
            wrapper = os.path.join(folder, 'wrapper.html')
            with open(wrapper, 'w', encoding='utf-8') as f:
                f.write(f'<!doctype html><body><iframe style="border:0;width:{width}px;height:900px" '
                        f'srcdoc="{html.escape(page)}" onload="const e=this.contentDocument.documentElement;'
                        f"document.body.dataset.seen=e.scrollWidth+' '+e.scrollHeight+' '+"
                        f"this.contentDocument.querySelectorAll('svg').length+' '+"
                        f'[...this.contentDocument.images].filter(i=>!i.naturalWidth).length"></iframe>')
            out = subprocess.run([chromium, '--headless', '--no-sandbox', '--disable-gpu',
                                  f'--user-data-dir={folder}/profile', '--window-size=1600,1000', '--dump-dom',
                                  'file://' + wrapper], capture_output=True, text=True, timeout=120).stdout
        seen = re.search(r'data-seen="(\d+) (\d+) (\d+) (\d+)"', out)
        if not seen:
            print(f'{width}: the browser drew nothing')
            fine = False
            continue
        across, down, drawings, broken = map(int, seen.groups())
        print(f'{width} pixels: {across} across, {down} down, {drawings} drawings, {broken} broken pictures')
        fine = fine and across <= width and down > 500 and drawings > 0 and broken == 0
    return fine


if __name__ == '__main__':
    what, page, *rest = sys.argv[1:]
    ok = {'parse': lambda: parse(page), 'numbers': lambda: numbers(page, rest),
          'browser': lambda: browser(page, rest[0])}[what]()
    sys.exit(0 if ok else 1)
