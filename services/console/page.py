"""The console's page: services, health, documentation, tokens. It loads nothing from other hosts."""

from collections.abc import Mapping, Sequence
from html import escape
from string import Template
from typing import Literal

from services.console.health import Health

Language = Literal["en", "zh"]

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Huitou",
        "subtitle": "Who the customer is, what they have earned, what went wrong, and whether they will come back.",
        "what_runs": "What runs",
        "service": "Service",
        "state": "State",
        "pages": "API",
        "details": "the details: with an operator's token",
        "healthy": "healthy",
        "troubled": "running, with issues",
        "not_ready": "not ready",
        "away": "does not answer",
        "docs": "try it",
        "portal": "For those who integrate",
        "reference": "Reference",
        "reference_how": "every operation, event and error, and guides",
        "all_docs": "Try everything",
        "all_docs_how": "all services on one page; authorised by the link of",
        "changes": "What changed",
        "token": "A token",
        "token_how": "Every call needs one. On the machine that runs Huitou:",
        "token_use": "Then send it with each call, or paste it into “Authorize” on an API page:",
        "comma": ", ",
        "other": "中文",
        "other_code": "zh",
        "profile": "who the customer is: customers, purchases, returns",
        "loyalty": "what they have earned: members, points, tiers",
        "feedback": "what went wrong: complaints, their clocks, remedies",
        "scoring": "whether they will come back: RFM, value, churn",
    },
    "zh": {
        "title": "回头 Huitou",
        "subtitle": "顾客是谁，攒下了什么，哪里出了问题，还会不会回来。",
        "what_runs": "运行状况",
        "service": "服务",
        "state": "状态",
        "pages": "接口",
        "details": "详情：使用操作员令牌",
        "healthy": "正常",
        "troubled": "运行中，有问题",
        "not_ready": "未就绪",
        "away": "无应答",
        "docs": "在线调试",
        "portal": "供集成方使用",
        "reference": "参考手册",
        "reference_how": "每个操作、事件和错误，以及指南",
        "all_docs": "在线调试全部接口",
        "all_docs_how": "所有服务在同一页面；用以下命令输出的链接打开即已授权：",
        "changes": "变更日志",
        "token": "令牌",
        "token_how": "每次调用都需要令牌。在运行 Huitou 的机器上执行：",
        "token_use": "然后在每次调用时带上，或粘贴到接口页面的 “Authorize” 中：",
        "comma": "、",
        "other": "English",
        "other_code": "en",
        "profile": "顾客是谁：顾客、购买、退货",
        "loyalty": "攒下了什么：会员、积分、等级",
        "feedback": "哪里出了问题：投诉、时限、补偿",
        "scoring": "还会不会回来：RFM、价值、流失",
    },
}

_PAGE = Template("""<!doctype html>
<html lang="$language">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>$title</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.6 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid #8884; }
  td code { overflow-wrap: anywhere; }
  li code { white-space: nowrap; }
  pre { background: #8882; padding: .75rem; overflow-x: auto; font-size: .85rem; }
  small { opacity: .75; }
  .healthy { color: #2a8a4a; } .troubled { color: #b07a00; } .not_ready, .away { color: #c33; }
  header { display: flex; justify-content: space-between; align-items: baseline; }
</style>
</head>
<body>
<header><h1>$title</h1><a href="?lang=$other_code" lang="$other_code">$other</a></header>
<p>$subtitle</p>
<h2>$what_runs</h2>
<table>
<thead><tr><th>$service</th><th>$state</th><th>$pages</th></tr></thead>
<tbody>
$rows
</tbody>
</table>
<h2>$portal</h2>
<ul>
<li><a href="/reference/$language">$reference</a> <small>$reference_how</small></li>
<li><a href="/docs">$all_docs</a> <small>$all_docs_how <code>huitou token --role admin --link</code></small></li>
<li><a href="/openapi.json">openapi.json</a>$comma<a href="/asyncapi.json">asyncapi.json</a>$comma<a href="/llms.txt">llms.txt</a></li>
<li><a href="/changelog.json">$changes</a> <small>JSON Feed</small></li>
</ul>
<h2>$token</h2>
<p>$token_how</p>
<pre># agent, manager, analyst, admin
huitou token --role viewer
huitou token --customer cus_…
huitou token --partner …</pre>
<p>$token_use</p>
<pre>TOKEN=$$(huitou token --role viewer)
curl -H "Authorization: Bearer $$TOKEN" \\
  $example</pre>
</body>
</html>
""")


def render(language: Language, services: Sequence[Health], links: Mapping[str, str]) -> str:
    """Render the page in one language; `links` are the services' addresses for the reader's browser."""
    words = WORDS[language]
    example = f"{links['profile']}/v1/purchases"
    rows = "\n".join(_row(health, escape(links[health.name]), words) for health in services)
    return _PAGE.substitute(words, language=language, rows=rows, example=escape(example))


def _row(health: Health, address: str, words: dict[str, str]) -> str:
    issues = "".join(f"<br><code>{escape(issue)}</code>" for issue in health.issues)
    if issues:
        issues += (
            f'<br><a href="{address}/docs#/service/list_health_issues"><small>{words["details"]}</small></a>'
        )
    return (
        f'<tr id="{health.name}"><td><strong>{health.name}</strong><br><small>{words[health.name]}</small></td>'
        f'<td class="{health.state}">{words[health.state]}{issues}</td>'
        f'<td><a href="{address}/docs">{words["docs"]}</a><br>'
        f'<a href="{address}/openapi.json"><small>openapi.json</small></a></td></tr>'
    )
