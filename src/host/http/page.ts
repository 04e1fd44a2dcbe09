/** The page around the module that draws it. Style and script are files of their own: the policy allows nothing inline. */
export const pageHtml = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mini-K8s</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script type="module" src="/modules/dashboard/main.js"></script>
</head>
<body>
<header><h1>Mini-K8s</h1></header>
<main><noscript>This page needs JavaScript.</noscript></main>
</body>
</html>
`;

export const pageCss = `:root {
  color-scheme: light dark;
  --back: #f6f7f9; --card: #fff; --text: #1c2430; --quiet: #667085; --line: #e4e7ec;
  --good: #16803c; --waiting: #b25e09; --bad: #c0271d;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12161c; --card: #1a2029; --text: #e6eaf0; --quiet: #98a2b3; --line: #2b3340;
    --good: #4ec17a; --waiting: #f0a44b; --bad: #ff7b70;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
h2 { font-size: 1rem; margin: 0 0 .5rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.25rem;
  margin: 0 0 1rem; }
.count { color: var(--quiet); font-weight: normal; margin-left: .5rem; }
.none { color: var(--quiet); margin: 0; }
.broken { color: var(--bad); }
.state { font-weight: 600; margin: 0 0 1rem; }
.state.good { color: var(--good); }
.state.waiting { color: var(--waiting); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem 1.25rem .35rem 0; }
th { color: var(--quiet); font-size: .8rem; font-weight: 500; white-space: nowrap; }
td { border-top: 1px solid var(--line); white-space: nowrap; }
td:last-child { white-space: normal; min-width: 12rem; overflow-wrap: break-word; }
tbody td:first-child::before { content: ""; display: inline-block; width: .55rem; height: .55rem; border-radius: 50%;
  margin-right: .6rem; background: var(--tone); }
tr.good { --tone: var(--good); }
tr.waiting { --tone: var(--waiting); }
tr.bad { --tone: var(--bad); }
`;
