# Scripts that a switch runs before any unit, and that a boot runs before systemd.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  scripts = config.system.activationScripts;

  script =
    { ... }:
    {
      options = {
        deps = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        text = mkOption {
          type = types.lines;
          default = "";
        };
        supportsDryActivation = mkOption {
          type = types.bool;
          default = false;
        };
      };
    };

  # Every script after those that it depends on.
  ordered =
    let
      visit =
        done: name:
        if lib.elem name done then
          done
        else
          lib.foldl' visit done scripts.${name}.deps ++ [ name ];
    in
    lib.unique (lib.foldl' visit [ ] (lib.attrNames scripts));

  section = name: ''
    #### Activation script snippet ${name}:
    _localstatus=0
    ${scripts.${name}.text}
    if (( _localstatus > 0 )); then
      printf "Activation script snippet '%s' failed (%s)\n" "${name}" "$_localstatus"
    fi
  '';
  whole = names: ''
    #!${pkgs.runtimeShell}
    _status=0
    trap "_status=1 _localstatus=\$?" ERR
    ${lib.concatMapStringsSep "\n" section names}
    exit $_status
  '';
  byUnits = config.systemd.sysusers.enable || config.services.userborn.enable;
in
{
  options.system = {
    activationScripts = mkOption {
      type = types.attrsOf (
        types.coercedTo types.str (text: { inherit text; }) (types.submodule script)
      );
      default = { };
    };
    activatable = mkOption {
      type = types.bool;
      default = true;
    };
  };
  config = {
    system.activationScripts = {
      specialfs = "";
      etc.deps = [
        "users"
        "groups"
      ];
      users = lib.optionalAttrs (!byUnits) { text = "install -m 0700 -d /root"; };
      groups = { };
      var = "mkdir -p /var/tmp";
    };
    system.build.activationScript = whole ordered;
    system.build.dryActivationScript = whole (
      lib.filter (name: scripts.${name}.supportsDryActivation) ordered
    );
  };
}
