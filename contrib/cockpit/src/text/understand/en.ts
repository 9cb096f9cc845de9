// The words of the page's frame, of the timeline and of the history of the configuration.

export const understand = {
    "views": "Views of the cluster",
    "view-overview": "Overview",
    "view-timeline": "What happened",
    "view-configuration": "Configuration",
    "what-happened": "What happened to {name}",
    "begin-here": "Or begin a new cluster on this machine",
    "again": "Try again",

    "console-older":
        "Standfast on this node is older than this page, or org.standfast.Console is not installed, so nobody answers this here. Upgrade it on this node.",
    "console-cut": "There is no way to the node just now. Whether this was done cannot be seen from here.",

    "timeline-reading": "Reading the journals …",
    "timeline-not-read": "What happened could not be read",
    "incidents": "Incidents, the last one first",
    "incidents-of": "Incidents of",
    "incidents-none": "Nothing happened that the journal of this node knows of",
    "incidents-more": "Earlier ones",
    "incident-at": "Incident of {when}",
    "incident-gone": "The journals have no such incident any more. Choose another one.",
    "journal-not-read": "The journal of {node} was not read:",
    "all-groups": "all groups",
    "all-nodes": "all nodes",
    "about-node": "about {node}",

    "steps": "What the time was spent on",
    "steps-none": "The journals do not say how long it took.",
    "steps-sum": "In all",
    "step": "Step",
    "step-time": "Time",
    "step-slowest": "slowest",
    "outage": "{ms} ms from the cause to “{last}”.",
    "slowest": "The slowest step: {step}.",
    "entries": "What the journals say ({count})",
    "entries-of-node": "Entries of",
    "since-begin": "+{ms} ms",

    "step-cause": "cause",
    "step-detected": "detect",
    "step-decided": "decide",
    "step-fenced": "fence",
    "step-stopped": "stop",
    "step-started": "start",
    "step-good": "good",
} as const;
