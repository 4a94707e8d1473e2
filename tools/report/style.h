// The report's style sheet: system fonts, one column, colours as variables for light and dark.
#pragma once

namespace hardy::report {

// Series colours: Okabe and Ito's palette, told apart by colour-blind readers too, lightened for dark.
inline constexpr char kStyle[] = R"(
:root{color-scheme:light dark;--bg:#fdfdfb;--panel:#fff;--ink:#1c2024;--soft:#5c6670;--rule:#e3e5e3;--mark:#ffe9a880;--shade:#1c202459;
--s1:#0072b2;--s2:#d55e00;--s3:#009e73;--s4:#a3477f;--s5:#8a6d00;--s6:#2b8fc7;--s7:#555;--s8:#b8860b}
@media (prefers-color-scheme:dark){:root{--bg:#15181b;--panel:#1c2024;--ink:#e8eaec;--soft:#9aa5b0;--rule:#30363c;--mark:#8a6d0050;--shade:#000;
--s1:#56b4e9;--s2:#ff9150;--s3:#3fcf9f;--s4:#e391c0;--s5:#e6c84a;--s6:#8ccbf0;--s7:#b5b5b5;--s8:#f0b94a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}
.brand{margin:0;font-size:13px;letter-spacing:.14em;text-transform:uppercase;color:var(--soft)}
h1{margin:.1em 0 .3em;font-size:32px;line-height:1.15;font-weight:650}
section h1{margin-top:1.8em}
h2{margin:2.2em 0 .6em;font-size:20px;font-weight:650;border-top:1px solid var(--rule);padding-top:1em}
h3{margin:1.4em 0 .4em;font-size:16px;overflow-wrap:anywhere}
.lead{font-size:18px;color:var(--soft);max-width:62ch;overflow-wrap:anywhere}
.note,figcaption{font-size:14px;color:var(--soft)}
/* Shadows at the edges behind which there is more: the covers scroll with the table, the shadows stay. */
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:8px;background:
linear-gradient(to right,var(--panel) 40%,transparent) 0 0/48px 100% no-repeat local,
linear-gradient(to left,var(--panel) 40%,transparent) 100% 0/48px 100% no-repeat local,
linear-gradient(to right,var(--shade),transparent) 0 0/20px 100% no-repeat scroll,
linear-gradient(to left,var(--shade),transparent) 100% 0/20px 100% no-repeat scroll,var(--panel)}
table{border-collapse:collapse;width:100%;font-size:14.5px}
th,td{padding:9px 10px;text-align:left;white-space:nowrap;border-bottom:1px solid var(--rule)}
tr:last-child td{border-bottom:0}
th{font-weight:600;color:var(--soft);font-size:13px}
.n{text-align:right;font-variant-numeric:tabular-nums}
.pm{color:var(--soft)}
tr.best td,tr.differs td{background:var(--mark)}
figure{margin:0 0 12px;overflow-x:auto}
.narrow{display:none}
@media (max-width:600px){.wide{display:none}.narrow{display:block}}
svg{display:block;width:100%;height:auto;background:var(--panel);border:1px solid var(--rule);border-radius:8px;font:13px system-ui,sans-serif}
.grid{stroke:var(--rule);stroke-width:1}
.tick,.axis{fill:var(--soft)}
.label{font-weight:600}
.line{fill:none;stroke-width:2.2;stroke-linejoin:round}
.halo{paint-order:stroke;stroke:var(--panel);stroke-width:4;stroke-linejoin:round}
.level{stroke:var(--soft);stroke-width:1.4;stroke-dasharray:7 4}
.fit{stroke-width:1.2;stroke-dasharray:4 4;opacity:.8}
.guide{stroke-width:2;stroke-dasharray:1 5;stroke-linecap:round;opacity:.9}
.band{opacity:.15}
.bar{fill:var(--s1);opacity:.8}
.multiples{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:12px}
.strip{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,108px),1fr));gap:6px;font-size:13px;color:var(--soft)}
.strip img{display:block;width:100%;height:auto;border-radius:4px}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;font-size:14px}
.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin:.6em 0}
dt{font-size:13px;color:var(--soft)}dd{margin:0;font-variant-numeric:tabular-nums}
pre{overflow-x:auto;background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:10px 12px;font-size:13px}
details summary{cursor:pointer;color:var(--soft);margin-bottom:10px}
)";

}  // namespace hardy::report
