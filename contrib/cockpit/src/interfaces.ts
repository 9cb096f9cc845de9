// Made from dbus/*.xml by bus_types.py, as JSON carries it: change those, then make it anew.

export interface Properties {
    "org.standfast.Console1": {
        Hidden: string;
        Busy: string;
    };
    "org.standfast.Fencing1": {
        Attempts: [string, string, string, string, string, string, string][];
        Problems: string[];
        Unsafe: string[];
        Unfenced: boolean;
        SlowestOff: number;
    };
    "org.standfast.FenceDevice1": {
        Name: string;
        Agent: string;
        Nodes: string[];
        LastTest: string;
        LastAnswer: string;
        Ok: boolean;
        Answer: string;
        Verified: boolean;
    };
    "org.standfast.Groups1": {
        Cluster: string;
        Node: string;
        Term: number;
        Coordinator: string;
        Members: string[];
        Quorate: string;
        NoTerm: string;
        Position: string;
        RecordDigest: string;
        Configuration: string;
        Losses: [string, string, number, number, string][];
        Without: string[];
        ConfigurationVersion: number;
        Versions: Record<string, [string, string, string[], string[]]>;
        History: [number, string, string, string, string, string][];
        Unconfirmed: [string, number];
        Safe: boolean;
        Drill: [string, string, string, string[], string, string, string, string, number];
        LastDrill: string;
        Maintenance: boolean;
    };
    "org.standfast.Member1": {
        Name: string;
        State: string;
        Standby: boolean;
        Healthy: boolean;
        Drifted: boolean;
        Edited: string[];
        Incarnation: string;
    };
    "org.standfast.Group1": {
        Name: string;
        Phase: string;
        Flags: string[];
        Owner: string;
        LastOwner: string;
        Since: string;
        Reason: string;
        WantedOn: string;
        Drilled: [string, string, number];
    };
    "org.standfast.Copies1": {
        Name: string;
        Copies: string[];
        Wanted: number;
    };
    "org.standfast.Resource1": {
        Unit: string;
        Place: number;
        State: string;
        Probe: string;
        Cause: string;
        Probes: [string, string, string, string, string, number, string][];
    };
    "org.standfast.Membership1": {
        Cluster: string;
        Node: string;
        View: string;
        Members: string[];
        DetectWithinMilliseconds: number;
        Configuration: string;
        Problems: string[];
        Withdrawn: string;
    };
    "org.standfast.Node1": {
        Name: string;
        Id: number;
        Votes: number;
        Addresses: string[];
        InRing: boolean;
        Incarnation: string;
        Links: [number, boolean, string][];
    };
    "org.standfast.Quorum1": {
        Quorate: boolean;
        View: string;
        Votes: number;
        ExpectedVotes: number;
        QuorumVotes: number;
        Flags: string[];
        Watchdog: string;
        WatchdogTimeout: number;
        WatchdogArmed: boolean;
        WatchdogFed: boolean;
        WatchdogArithmetic: [string, number, string][];
        Arbiter: string;
        ArbiterState: string;
        Healthy: boolean;
        HealthMinimum: number;
        Health: [string, number, string][];
    };
}

export interface Methods {
    "org.standfast.Console1": {
        Timeline: { takes: [string, number, string]; gives: [string] };
        Versions: { takes: []; gives: [string] };
        Difference: { takes: [number, number]; gives: [string] };
        Version: { takes: [number]; gives: [Record<string, string>] };
        Show: { takes: []; gives: [boolean, Record<string, string>] };
        Files: { takes: []; gives: [string, boolean, Record<string, string>] };
        Read: { takes: [Record<string, string>]; gives: [string] };
        Edit: { takes: [Record<string, string>, Record<string, string>[]]; gives: [Record<string, string>] };
        Keys: { takes: []; gives: [string] };
        Check: { takes: [Record<string, string>]; gives: [[string, number, string, boolean][]] };
        Plan: { takes: [Record<string, string>]; gives: [string] };
        Push: { takes: [string, Record<string, string>, string[], string, number]; gives: [number] };
        Rollback: { takes: [number, string, number]; gives: [number] };
        Units: { takes: []; gives: [[string, string, string][]] };
        Agents: { takes: []; gives: [string[]] };
        Agent: { takes: [string]; gives: [string] };
        TestDevice: { takes: [Record<string, string>, string]; gives: [boolean, string] };
        TryProbe: { takes: [Record<string, string>, string, string, string]; gives: [string] };
        AddNode: { takes: [string, string[], string, string[], boolean]; gives: [number] };
    };
    "org.standfast.Fencing1": {
        Test: { takes: [string]; gives: [[string, string, string, boolean, string, string][]] };
        History: { takes: [string, number]; gives: [[string, string, string, string, string, string, number, string][]] };
    };
    "org.standfast.Groups1": {
        SetMaintenance: { takes: [boolean]; gives: [] };
        FenceNow: { takes: [string]; gives: [] };
        Confirm: { takes: [string, string, string[]]; gives: [] };
        Simulate: { takes: [string, string]; gives: [string] };
        SimulateConfiguration: { takes: [Record<string, string>]; gives: [string] };
        SimulateWish: { takes: [string, string, string]; gives: [string] };
        MissingRights: { takes: []; gives: [Record<string, string>] };
        Explain: { takes: [string]; gives: [string] };
        Attention: { takes: []; gives: [[boolean, string][]] };
        PutInForce: { takes: [string, string, string[], string, number]; gives: [] };
        KeepConfiguration: { takes: []; gives: [] };
        TakeBackConfiguration: { takes: []; gives: [] };
        PlanConfiguration: { takes: [string]; gives: [Record<string, unknown>[]] };
        ForeseeDrill: { takes: [string, string, boolean]; gives: [string] };
        Drill: { takes: [string, string, boolean]; gives: [string] };
        Probe: { takes: [string, string, string]; gives: [string] };
        Leave: { takes: []; gives: [] };
        StartAlone: { takes: [string[]]; gives: [] };
        SetStandby: { takes: [string, boolean]; gives: [] };
    };
    "org.standfast.Group1": {
        Start: { takes: [string]; gives: [] };
        Stop: { takes: []; gives: [] };
        Relocate: { takes: [string]; gives: [] };
        Restart: { takes: []; gives: [] };
        Enable: { takes: []; gives: [] };
        Disable: { takes: []; gives: [] };
        Freeze: { takes: []; gives: [] };
        Thaw: { takes: []; gives: [] };
    };
    "org.standfast.Copies1": {
        Start: { takes: []; gives: [] };
        Stop: { takes: []; gives: [] };
        Enable: { takes: []; gives: [] };
        Disable: { takes: []; gives: [] };
        Freeze: { takes: []; gives: [] };
        Thaw: { takes: []; gives: [] };
    };
    "org.standfast.Membership1": {
        Rejoin: { takes: []; gives: [] };
        Share: { takes: [string]; gives: [string] };
    };
}

export const ACTIONS = {
    "org.standfast.Console1.Version": "org.standfast.configure",
    "org.standfast.Console1.Files": "org.standfast.configure",
    "org.standfast.Console1.Check": "org.standfast.configure",
    "org.standfast.Console1.Plan": "org.standfast.configure",
    "org.standfast.Console1.Push": "org.standfast.configure",
    "org.standfast.Console1.Rollback": "org.standfast.configure",
    "org.standfast.Console1.TestDevice": "org.standfast.configure",
    "org.standfast.Console1.TryProbe": "org.standfast.configure",
    "org.standfast.Console1.AddNode": "org.standfast.configure",
    "org.standfast.Fencing1.Test": "org.standfast.fence",
    "org.standfast.Groups1.SetMaintenance": "org.standfast.operate",
    "org.standfast.Groups1.FenceNow": "org.standfast.fence",
    "org.standfast.Groups1.Confirm": "org.standfast.fence",
    "org.standfast.Groups1.SimulateConfiguration": "org.standfast.configure",
    "org.standfast.Groups1.PutInForce": "org.standfast.configure",
    "org.standfast.Groups1.KeepConfiguration": "org.standfast.configure",
    "org.standfast.Groups1.TakeBackConfiguration": "org.standfast.configure",
    "org.standfast.Groups1.Drill": "org.standfast.fence",
    "org.standfast.Groups1.Probe": "org.standfast.operate",
    "org.standfast.Groups1.Leave": "org.standfast.operate",
    "org.standfast.Groups1.StartAlone": "org.standfast.fence",
    "org.standfast.Groups1.SetStandby": "org.standfast.operate",
    "org.standfast.Group1.Start": "org.standfast.operate",
    "org.standfast.Group1.Stop": "org.standfast.operate",
    "org.standfast.Group1.Relocate": "org.standfast.operate",
    "org.standfast.Group1.Restart": "org.standfast.operate",
    "org.standfast.Group1.Enable": "org.standfast.operate",
    "org.standfast.Group1.Disable": "org.standfast.operate",
    "org.standfast.Group1.Freeze": "org.standfast.operate",
    "org.standfast.Group1.Thaw": "org.standfast.operate",
    "org.standfast.Copies1.Start": "org.standfast.operate",
    "org.standfast.Copies1.Stop": "org.standfast.operate",
    "org.standfast.Copies1.Enable": "org.standfast.operate",
    "org.standfast.Copies1.Disable": "org.standfast.operate",
    "org.standfast.Copies1.Freeze": "org.standfast.operate",
    "org.standfast.Copies1.Thaw": "org.standfast.operate",
    "org.standfast.Membership1.Rejoin": "org.standfast.operate",
    "org.standfast.Membership1.Share": "org.standfast.configure",
} as const;
