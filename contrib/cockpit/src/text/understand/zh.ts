// 页面框架、时间线和配置历史的文字。

import type { understand as en } from "./en";

export const understand: Record<keyof typeof en, string> = {
    "views": "集群的各个视图",
    "view-overview": "概览",
    "view-timeline": "发生了什么",
    "view-configuration": "配置",
    "what-happened": "{name} 发生了什么",
    "begin-here": "或者在本机上建立新集群",
    "again": "重试",

    "console-older":
        "本节点上的 Standfast 比本页面旧，或者没有安装 org.standfast.Console，因此这里无人应答。请升级本节点。",
    "console-cut": "目前无法连接到节点。从这里无法得知操作是否已经完成。",

    "timeline-reading": "正在读取日志……",
    "timeline-not-read": "无法读取发生过的事情",
    "incidents": "事件，最近的在前",
    "incidents-of": "事件属于",
    "incidents-none": "据本节点的日志，没有发生任何事情",
    "incidents-more": "更早的事件",
    "incident-at": "{when} 的事件",
    "incident-gone": "日志中已经没有这个事件。请选择另一个。",
    "journal-not-read": "未读取 {node} 的日志：",
    "all-groups": "所有组",
    "all-nodes": "所有节点",
    "about-node": "关于 {node}",

    "steps": "时间花在了哪里",
    "steps-none": "日志没有说明用了多长时间。",
    "steps-sum": "合计",
    "step": "步骤",
    "step-time": "时间",
    "step-slowest": "最慢",
    "outage": "从起因到“{last}”共 {ms} 毫秒。",
    "slowest": "最慢的步骤：{step}。",
    "entries": "日志内容：{count} 条",
    "entries-of-node": "条目属于",
    "since-begin": "+{ms} 毫秒",

    "step-cause": "起因",
    "step-detected": "发现",
    "step-decided": "决定",
    "step-fenced": "隔离",
    "step-stopped": "停止",
    "step-started": "启动",
    "step-good": "良好",
};
