# Sandboxes of the units. What each brings was seen on systemd 257 and 262; see docs/explanation/units.md.
{ lib }:

let
  homes = [
    "-/home"
    "-/root"
  ];

  both = {
    IPAddressDeny = "any";
    KeyringMode = "private";
    LimitCORE = 0;
    LockPersonality = true;
    MemoryDenyWriteExecute = true;
    NoNewPrivileges = true;
    ProtectClock = true;
    ProtectHostname = true;
    RestrictNamespaces = true;
    RestrictRealtime = true;
    RestrictSUIDSGID = true;
    SystemCallArchitectures = "native";
    SystemCallErrorNumber = "EPERM";
    UMask = "0077";
  };
in
{
  # The unit that mounts does so for everybody, and so has none of the options that give it a mount namespace of its own;
  # `PrivateNetwork` is one of them.
  mount = both // {
    CapabilityBoundingSet = [ "CAP_SYS_ADMIN" ];
    RestrictAddressFamilies = "none";
    SystemCallFilter = [
      "@system-service mount"
      "~@resources @keyring @setuid @chown"
    ];
  };

  # The activation reads keys, writes below /run, its state and where links are asked for, and talks to systemd.
  activate =
    {
      # Whether age plugins need devices, such as a TPM.
      devices,
      writable,
    }:
    both
    // {
      CapabilityBoundingSet = [
        "CAP_CHOWN"
        "CAP_DAC_OVERRIDE"
        "CAP_FOWNER"
        "CAP_IPC_LOCK"
      ];
      # In place of `PrivateTmp`, which would order this after the creation of users.
      InaccessiblePaths = [
        "-/tmp"
        "-/var/tmp"
      ];
      PrivateIPC = true;
      PrivateNetwork = true;
      ProcSubset = "pid";
      ProtectControlGroups = true;
      ProtectKernelLogs = true;
      ProtectKernelModules = true;
      ProtectKernelTunables = true;
      ProtectProc = "ptraceable";
      ProtectSystem = "strict";
      ReadWritePaths = writable;
      RestrictAddressFamilies = [ "AF_UNIX" ];
      SystemCallFilter = [
        "@system-service"
        "~@privileged @resources @keyring @setuid"
        "@chown prlimit64"
      ];
    }
    // lib.optionalAttrs (!devices) { PrivateDevices = true; }
    # It beats `ReadWritePaths` for the same folder; without it homes are read-only as all the rest.
    // lib.optionalAttrs (!(lib.any (path: builtins.elem path homes) writable)) {
      ProtectHome = "read-only";
    };
}
