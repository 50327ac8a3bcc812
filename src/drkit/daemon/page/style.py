"""How the status page looks: of one family with the report. One text, which the page's CSP hashes."""

from drkit.drawing.palette import MONO, PALETTE, SANS, SERIF, STRIP

_TEXT = f"""
*{{box-sizing:border-box}}
body{{margin:0 auto;padding:2.4rem 2rem 3rem;max-width:82rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 {SANS}}}
h1,h2,.lead{{font-family:{SERIF};line-height:1.2;text-wrap:balance}}
h1{{font-size:1.15rem;margin:0;color:var(--soft);font-weight:400}}
h2{{font-size:1.35rem;margin:0;font-weight:600;overflow-wrap:anywhere}}
h3{{font-size:1.05rem;margin:0;overflow-wrap:anywhere}}
.lead{{font-size:clamp(1.8rem,1.1rem + 2.6vw,2.8rem);margin:.3rem 0 .6rem;font-weight:600}}
p{{margin:.3rem 0}}
section{{margin:2.6rem 0}}
a{{color:inherit;text-decoration-color:var(--soft);text-underline-offset:.2em}}
code{{font:.9em {MONO};overflow-wrap:anywhere}}
small,.soft{{color:var(--soft);font-size:.875rem}}
small{{font-size:.8rem;font-weight:400}}
.yes{{color:var(--yes)}}.no{{color:var(--no)}}.unknown{{color:var(--unknown)}}
.lead.yes,.lead.unknown{{color:var(--ink)}}
.word{{font-weight:650}}
time{{white-space:nowrap}}
.unseen,.sources b.no::after{{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}}
:focus-visible{{outline:2px solid var(--line);outline-offset:2px;border-radius:2px}}
summary{{cursor:pointer}}
"""

_NEEDS = """
.needs article{background:var(--panel);border-left:4px solid var(--no);padding:.9rem 1.2rem;margin:.8rem 0;
border-radius:0 4px 4px 0}
.needs ul,.jobs{list-style:none;padding:0;margin:0}
.needs li{margin:.6rem 0 0}
.needs li+li{border-top:1px solid var(--rule);padding-top:.6rem}
.needs p{max-width:72rem;overflow-wrap:anywhere;margin:.2rem 0}
.needs b{font-weight:600;font-size:.95rem}
.needs .step{font-size:.9rem}
.cmd{user-select:all;background:var(--paper);border:1px solid var(--rule);border-radius:3px;padding:.1rem .35rem}
button{font:.8rem/1.4 inherit;font-family:inherit;color:var(--ink);background:none;border:1px solid var(--rule);
border-radius:3px;padding:.1rem .5rem;margin:0 .3rem;cursor:pointer}
button:hover{background:var(--panel);border-color:var(--soft)}
.jobs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(24rem,100%),1fr));gap:.4rem 3.5rem}
.jobs li{padding:.6rem 0}
.kind{color:var(--soft);font-weight:400}
progress{appearance:none;display:block;width:100%;height:.5rem;border:0;border-radius:4px;overflow:hidden;
background:var(--rule);margin:.3rem 0}
progress::-webkit-progress-bar{background:var(--rule)}
progress::-webkit-progress-value{background:var(--fill)}
progress::-moz-progress-bar{background:var(--fill)}
"""

_TABLES = """
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{text-align:left;vertical-align:middle;padding:.5rem 1rem .5rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:600;overflow-wrap:anywhere}
thead th{color:var(--soft);font-size:.8rem;font-weight:500;white-space:nowrap;padding-bottom:.3rem}
th:last-child,td:last-child{padding-right:0}
.system header,.system summary{margin-bottom:.4rem}
.system h2{display:inline}
.sum{font-size:.875rem;color:var(--soft);margin-left:.6rem}
.sources{table-layout:fixed}
.sources b.no::after{content:" needs you"}
.sources th:nth-child(1){width:16%}.sources th:nth-child(2){width:21%}
.sources th:nth-child(3){width:15%}.sources th:nth-child(4){width:11%}
.sources td{white-space:nowrap}
.sources td.soft{white-space:normal}
.sources th small{display:block;padding-left:1.25rem}
.sources td small{white-space:nowrap}
.sources td:last-child small{display:block}
.axis{display:flex;justify-content:space-between;font-weight:400}
svg{display:block;width:100%}
.sources i{display:block;height:4px;max-width:7rem;margin-top:.25rem;border-radius:2px;background:var(--rule);
color:var(--yes)}
.sources i.no{color:var(--no)}
.sources i::before{content:"";display:block;height:4px;border-radius:2px;background:currentColor}
.sources .strip{height:1.75rem;border-bottom:1px solid var(--rule)}
.strip .points,.key .points{stroke-width:11}
.strip .void{stroke:var(--paper);stroke-width:12;vector-effect:none}
.strip .dot,.key .dot{stroke-width:8}
.strip .dot.failed,.key .dot.failed{stroke-width:7}
.notes{font-size:.875rem;margin-top:.5rem}
.notes ul{margin:.4rem 0;padding-left:1.2rem;font-size:.875rem}
.key{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;font-size:.85rem;color:var(--soft);padding:0;list-style:none}
.key li{display:flex;align-items:center;gap:.5rem}
.key svg{width:1.5rem;height:.9rem}
.key path{fill:none}
.key .points{stroke:var(--fill);stroke-width:9}.key .hole{stroke:var(--no);stroke-width:2}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:0 3.5rem}
.list td{white-space:nowrap}
.list details p{white-space:normal;font-size:.875rem;overflow-wrap:anywhere}
footer{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 2rem;color:var(--soft);font-size:.875rem;
border-top:1px solid var(--rule);padding-top:.8rem;margin-top:3rem}
footer a{margin-left:1rem}
"""

METER = 20  # steps of a bar: its length cannot be an attribute, as the CSP admits no styles but this one
_METER = "".join(f".b{step}::before{{width:{100 * step // METER}%}}" for step in range(1, METER + 1))

_LIVE = """
#stale:empty,#filter:empty{display:none}
#stale{position:sticky;top:.5rem;z-index:1;background:var(--no);color:var(--paper);padding:.7rem 1.2rem;
border-radius:4px;font-weight:600;margin-bottom:1rem}
.stale main{filter:grayscale(1)}
#filter{display:flex;flex-wrap:wrap;align-items:center;gap:.4rem .9rem;margin:2.4rem 0 -1rem}
input{font:inherit;color:inherit;background:var(--panel);border:1px solid var(--soft);border-radius:4px;
padding:.35rem .7rem;width:min(22rem,100%)}
[hidden]{display:none!important}
"""

_MEDIA = """
@media (max-width:62rem){
body{padding:1.4rem 1rem 2rem}
section{margin:2rem 0}
.sources thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.sources,.sources tbody{display:block}
.sources tr{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.6rem,1fr));gap:.45rem 1rem;padding:.9rem 0;
border-bottom:1px solid var(--rule)}
.sources tbody :is(th,td):nth-child(n){border:0;padding:0;width:auto}
.sources tbody th,.sources td:nth-child(2){grid-column:1/-1}
.sources th small{display:inline;padding:0}
.sources td:last-child small{display:inline}
.sources td:nth-child(n+3)::before{display:block;font-size:.75rem;color:var(--soft)}
.sources td:nth-child(3)::before{content:"Newest point, RPO"}
.sources td:nth-child(4)::before{content:"Restore, RTO"}
.sources td:nth-child(5)::before{content:"Verified"}
.sources td:nth-child(6)::before{content:"Next backup"}
.sources td:nth-child(7)::before{content:"Next drill"}
.sources td:nth-child(8)::before{content:"Points"}
.list th{overflow-wrap:anywhere}
}
@media (max-width:40rem){.list td:nth-child(4),.list th:nth-child(4){display:none}}
@media print{#filter,button{display:none}}
"""

STYLE = "".join((PALETTE + _TEXT + STRIP + _NEEDS + _TABLES + _METER + _LIVE + _MEDIA).splitlines())
