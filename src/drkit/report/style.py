"""How the report looks: on a desk, on a phone, on paper, by day and by night. One text, which the page's CSP hashes."""

from drkit.drawing.palette import PALETTE, STRIP

_TEXT = """
*{box-sizing:border-box}
body{margin:0 auto;padding:3rem 1.5rem 4rem;max-width:62rem;background:var(--paper);color:var(--ink);
font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
h1,h2,h3,.lead{font-family:Charter,"Bitstream Charter","Iowan Old Style",Georgia,"Noto Serif",serif;line-height:1.2;
font-weight:600;text-wrap:balance}
h1{font-size:1.15rem;margin:0;color:var(--soft);font-weight:400}
h2{font-size:1.5rem;margin:4rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--rule)}
h3{font-size:1.2rem;margin:0;overflow-wrap:anywhere}
h4{font-size:.85rem;margin:.4rem 0 0;font-weight:600}
.lead{font-size:clamp(1.7rem,1.1rem + 2.6vw,2.6rem);margin:.4rem 0 .8rem}
p{margin:.4rem 0;max-width:44rem}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:.2em}
code{font:.9em ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.soft,figcaption,dt,caption{color:var(--soft)}
small,figcaption,caption,dl,.soft,td.why{font-size:.875rem}
ul{padding-left:1.2rem;max-width:46rem}
li{margin:.3rem 0;overflow-wrap:anywhere}
.yes{color:var(--yes)}.no{color:var(--no)}.unknown{color:var(--unknown)}
.word{font-weight:650;white-space:nowrap}
"""

_TABLES = """
.wide{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9rem}
caption{text-align:left;padding-bottom:.4rem}
th,td{text-align:left;vertical-align:baseline;padding:.5rem .9rem .5rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:600}tbody th{min-width:6.5rem}
thead th{color:var(--soft);font-size:.8rem;font-weight:500;white-space:nowrap}
thead tr:has(.over) :is(th,td){border:0;padding-bottom:0;text-align:right}
th:last-child,td:last-child{padding-right:0}
td.n,th.n{text-align:right;white-space:nowrap}
td.t,td.m{white-space:nowrap}
td.long{min-width:14rem;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.9rem 1.5rem;margin:1.2rem 0}
dt{font-size:.8rem}dd{margin:0;overflow-wrap:anywhere}
"""

_FIGURES = """
figure{margin:1rem 0}
svg{display:block;width:100%}
"""

_DRAWINGS = """
.scale{display:grid;font-size:.75rem;color:var(--soft);grid-template-columns:repeat(4,7fr)}
.d29{grid-template-columns:repeat(4,7fr) 1fr}.d30{grid-template-columns:repeat(4,7fr) 2fr}
.d31{grid-template-columns:repeat(4,7fr) 3fr}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:0 2.5rem}
.plot{overflow:visible}
.plot path{fill:none}
.plot text{font:9.5px system-ui,sans-serif;fill:var(--soft)}
.plot .end{text-anchor:end}
.plot .line{stroke:var(--line);stroke-width:1.6;stroke-linejoin:round}
.plot .mark{stroke:var(--line);stroke-width:6;stroke-linecap:round}
.plot .bad{stroke:var(--no);stroke-linecap:square;stroke-width:5}
.plot .target{stroke:var(--soft);stroke-dasharray:4 3}
.key{display:flex;flex-wrap:wrap;
gap:.3rem 1.4rem;font-size:.85rem;color:var(--soft);padding:0;list-style:none;max-width:none}
.key li{display:flex;align-items:center;gap:.5rem;margin:0}
.key svg{width:1.5rem;height:.9rem}
.key path{fill:none}
.key .points{stroke:var(--fill);stroke-width:9}.key .hole{stroke:var(--no);stroke-width:2}
.source{margin:2.6rem 0 3.2rem}
"""

_MEDIA = """
@media (max-width:40rem){
body{padding:1.6rem 1rem 3rem}
.answers thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.answers,.answers tbody,.answers caption{display:block}
.answers tr{display:grid;grid-template-columns:1fr auto;gap:.1rem 1rem;padding:.8rem 0;
border-bottom:1px solid var(--rule)}
.answers th,.answers td{border:0;padding:0}
.answers td.why{grid-column:1/-1;order:5}
.answers td.m{font-size:.875rem}
.answers td.m::before{content:"RTO ";color:var(--soft)}.answers .m+.m::before{content:"RPO "}
dl{grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))}
}
@media print{
@page{margin:15mm 14mm}
body{padding:0;max-width:none;font-size:9.5pt;background:#fff}
h2{margin-top:2rem}
h2,h3,h4,h2+p,.source>p,.source>figure{break-after:avoid}
code{overflow-wrap:normal;font-size:.8em}
figure,tr,dl,li{break-inside:avoid}
.wide{overflow:visible}
td.long{min-width:0}
a{text-decoration:none}
.sign{display:flex}
*{print-color-adjust:exact}
}
.sign{gap:2rem;margin:3rem 0 0}
.sign span{flex:1;border-top:1px solid var(--ink);padding-top:.3rem;font-size:.8rem}
@media screen{.sign{display:none}}
"""

STYLE = "".join((PALETTE + _TEXT + _TABLES + _FIGURES + STRIP + _DRAWINGS + _MEDIA).splitlines())
