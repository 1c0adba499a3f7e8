# The sandbox of the activation: it reads keys, writes below /run and where links are asked for, and talks to systemd.
{
  lib,
  # Whether age plugins need devices, such as a TPM.
  devices,
  # Folders that stay writable.
  writable,
}:
{
  UMask = "0077";
  LimitCORE = 0;
  CapabilityBoundingSet = [
    "CAP_CHOWN"
    "CAP_DAC_OVERRIDE"
    "CAP_DAC_READ_SEARCH"
    "CAP_FOWNER"
    "CAP_IPC_LOCK"
  ];
  NoNewPrivileges = true;
  ProtectSystem = "strict";
  ReadWritePaths = writable;
  # In place of `PrivateTmp`, which would order this after the creation of users.
  InaccessiblePaths = [
    "-/tmp"
    "-/var/tmp"
  ];
  PrivateNetwork = true;
  RestrictAddressFamilies = [ "AF_UNIX" ];
  IPAddressDeny = "any";
  ProtectClock = true;
  ProtectControlGroups = true;
  ProtectHostname = true;
  ProtectKernelLogs = true;
  ProtectKernelModules = true;
  ProtectKernelTunables = true;
  LockPersonality = true;
  MemoryDenyWriteExecute = true;
  RestrictNamespaces = true;
  RestrictRealtime = true;
  RestrictSUIDSGID = true;
  SystemCallArchitectures = "native";
  SystemCallFilter = [ "@system-service" ];
  SystemCallErrorNumber = "EPERM";
}
// lib.optionalAttrs (!devices) {
  PrivateDevices = true;
}
