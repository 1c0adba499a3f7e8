# Units of systemd, from options to their text.
{
  lib,
  config,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.systemd;
  options = import ./options.nix { inherit lib pkgs utils; };
  text = import ./text.nix { inherit lib; };
  tree = import ./tree.nix { inherit lib pkgs; };

  set =
    kind:
    mkOption {
      type = types.attrsOf (types.submodule (options.unit kind cfg));
      default = { };
    };
  list =
    kind:
    mkOption {
      type = types.listOf (types.submodule (options.unit kind cfg));
      default = [ ];
    };
  sets = lib.genAttrs [
    "services"
    "targets"
    "sockets"
    "timers"
    "paths"
    "slices"
  ] (plural: set (lib.removeSuffix "s" plural));

  rendered =
    from:
    lib.listToAttrs (
      lib.concatMap (kind: map (unit: lib.nameValuePair unit.name (text kind from.globalEnvironment unit)) (units kind from)) [
        "service"
        "target"
        "socket"
        "timer"
        "path"
        "slice"
        "mount"
        "automount"
      ]
    );
  units =
    kind: from:
    let
      declared = from."${kind}s" or [ ];
    in
    if lib.isList declared then declared else lib.attrValues declared;
  concrete = mkOption {
    type = types.attrsOf (types.submodule (options.concrete tree.one));
    default = { };
  };
  # A timer of the same name for a service that says when it starts.
  timers = lib.mapAttrs (_: service: {
    wantedBy = [ "timers.target" ];
    timerConfig.OnCalendar = service.startAt;
  }) (lib.filterAttrs (_: service: service.enable && service.startAt != [ ]) cfg.services);
in
{
  options.systemd = sets // {
    package = mkOption {
      type = types.package;
      default = pkgs.systemd;
    };
    mounts = list "mount";
    automounts = list "automount";
    units = concrete;
    packages = mkOption {
      type = types.listOf types.package;
      default = [ ];
    };
    globalEnvironment = mkOption {
      type = types.attrsOf (types.nullOr (types.oneOf [ types.str types.path types.package ]));
      default = { };
    };
    user = sets // {
      units = concrete;
      tmpfiles.rules = mkOption {
        type = types.listOf types.str;
        default = [ ];
      };
    };
  };

  config = {
    systemd.globalEnvironment.TZDIR = "/etc/zoneinfo";
    systemd.timers = timers;
    systemd.units = rendered cfg;
    systemd.user.units = rendered (cfg.user // { inherit (cfg) globalEnvironment; });
    # Restarted by a switch, so that units run that users and secrets come from.
    systemd.targets.sysinit-reactivation.description = "Reactivate sysinit units";
    environment.etc = {
      "systemd/system".source = tree.all "system-units" cfg.units;
      "systemd/user".source = tree.all "user-units" cfg.user.units;
    };
  };
}
