"""The colours of drkit's pages by day and by night, and how strips look. The colours of words stand out from the paper
by 4.5 to 1 and more, those of drawings by 3 to 1."""

PALETTE = """
:root{color-scheme:light dark;--paper:#fcfbf9;--ink:#1c1d20;--soft:#595d66;--rule:#dedbd4;--panel:#f4f2ed;
--yes:#1a6b47;--no:#b3261e;--unknown:#7d5500;--fill:#3b7f9f;--line:#2b6d8c}
@media screen and (prefers-color-scheme:dark){:root{--paper:#15171a;--ink:#e9e7e2;--soft:#a6abb3;--rule:#33373d;
--panel:#1d2024;--yes:#74cf9f;--no:#ff8d83;--unknown:#e4b765;--fill:#4f9dc0;--line:#7fc0de}}
"""
SANS = 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif'
SERIF = 'Charter,"Bitstream Charter","Iowan Old Style",Georgia,"Noto Serif",serif'
MONO = 'ui-monospace,"DejaVu Sans Mono",monospace'

STRIP = """
.strip{height:3.1rem;overflow:visible}
.strip path{vector-effect:non-scaling-stroke;fill:none}
.base{stroke:var(--rule);stroke-width:1}
.strip .points,.strip .hole{stroke:var(--fill);stroke-width:9;vector-effect:none}
.strip .hole{stroke:var(--no);stroke-width:2}
.dot{stroke:var(--yes);stroke-width:10;stroke-linecap:round}
.dot.failed,.dot.aborted{stroke:var(--no);stroke-linecap:square;stroke-width:8}
.dot.missed{stroke:var(--unknown)}.dot.eye{stroke:var(--paper);stroke-width:5}
"""
