"""The page's style sheet: two colour schemes, six shades, room for axes at the left of each plot."""

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2733; --quiet: #55616d; --line: #d5dce3; --fill: #1f5f9e;
  --other: #d97706; --gap: #8d98a3; --mark: #b91c1c; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e4e9ee; --quiet: #a3aeb9; --line: #3a444e; --fill: #6fb1ec; --other: #f0a94a;
    --gap: #77828d; --mark: #ff8a80; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--paper);
  max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.4rem 0 .3rem; }
h3 { font-size: .9rem; font-weight: normal; margin: .8rem 0 .3rem; }
p, dt, summary, .legend { color: var(--quiet); } p { margin: .2rem 0; }
dl { display: flex; flex-wrap: wrap; gap: .6rem 2.6rem; margin: 1.2rem 0 0; }
dd { margin: 0; font-size: 1.4rem; font-variant-numeric: tabular-nums; }
svg { overflow: visible; } text { fill: var(--quiet); font-size: 12px; }
.plot { display: block; margin-left: 6.2rem; width: calc(100% - 6.6rem); shape-rendering: crispEdges; }
.plan { display: block; shape-rendering: crispEdges; }
.plans { display: grid; grid-template-columns: repeat(auto-fill, minmax(285px, 1fr)); gap: .4rem 1.2rem; }
.s6 { fill: var(--fill); } .s5 { fill: color-mix(in srgb, var(--fill) 84%, var(--paper)); }
.s4 { fill: color-mix(in srgb, var(--fill) 68%, var(--paper)); }
.s3 { fill: color-mix(in srgb, var(--fill) 51%, var(--paper)); }
.s2 { fill: color-mix(in srgb, var(--fill) 35%, var(--paper)); }
.s1 { fill: color-mix(in srgb, var(--fill) 19%, var(--paper)); }
.randomised { fill: var(--other); }
.none { fill: url(#no-lines); }
#no-lines path { stroke: var(--gap); stroke-width: 1.5; }
.grid, .frame { fill: none; stroke: var(--line); } .mark { stroke: var(--mark); stroke-width: 2; fill: none; }
.end { text-anchor: end; } .middle { text-anchor: middle; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; list-style: none; margin: .2rem 0 .5rem; padding: 0;
  font-size: 13px; }
.scroll { overflow-x: auto; } summary { cursor: pointer; padding: .3rem 0; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: .3rem 0; }
th, td { padding: .15rem 1rem .15rem 0; text-align: right; white-space: nowrap; }
tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 7.5rem; }
th:first-child { position: sticky; left: 0; background: var(--paper); }
th { font-weight: normal; color: var(--quiet); } th:first-child { text-align: left; color: var(--ink); }
tr { border-bottom: 1px solid var(--line); }
@media (max-width: 600px) { .wide { display: none; } dl { gap: .5rem 1.6rem; } dd { font-size: 1.15rem; }
  table { font-size: 12px; } th, td { padding-right: .5rem; } thead th { white-space: normal; vertical-align: bottom; }
  tbody th { min-width: 6.8rem; } }
"""
