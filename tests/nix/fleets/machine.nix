# What every machine of the model fleets has beside its secrets: units that count their starts, and users with numbers of their own.
{ lib, config, ... }:

let
  names = config.fleet.users ++ lib.subtractLists config.fleet.users config.fleet.groups;
  # Any numbers will do, if only they differ.
  number = name: 700 + (lib.findFirst (i: lib.elemAt names i == name) 0 (lib.range 0 (lib.length names - 1)));
in
{
  options.fleet = {
    units = lib.mkOption { type = lib.types.listOf lib.types.str; };
    users = lib.mkOption { type = lib.types.listOf lib.types.str; };
    groups = lib.mkOption { type = lib.types.listOf lib.types.str; };
  };

  config = {
    users.users = lib.genAttrs config.fleet.users (name: {
      isSystemUser = true;
      uid = lib.mkDefault (number name);
      group = if builtins.elem name config.fleet.groups then name else "root";
    });
    users.groups = lib.genAttrs config.fleet.groups (name: {
      gid = lib.mkDefault (number name);
    });

    systemd.services = lib.genAttrs config.fleet.units (name: {
      description = "Counts its starts";
      wantedBy = [ "multi-user.target" ];
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "/bin/sh -c 'echo started >> /run/starts-of-%p'";
      };
    });

    # Users are created by a unit, as on machines without activation scripts.
    services.userborn.enable = lib.mkDefault true;
    secretctl.enable = true;
  };
}
