# Jobs of launchd, from options to property lists.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.launchd;

  job =
    { name, config, ... }:
    let
      environment =
        config.environment // lib.optionalAttrs (config.path != "") { PATH = config.path; };
      bin = x: if lib.isDerivation x then "${x}/bin" else x;
    in
    {
      options = {
        environment = mkOption {
          type = types.attrsOf (types.either types.str (types.listOf types.str));
          default = { };
          apply = lib.mapAttrs (_: value: lib.concatStringsSep ":" (lib.toList value));
        };
        path = mkOption {
          type = types.listOf (types.either types.path types.str);
          default = [ ];
          apply = lib.concatMapStringsSep ":" bin;
        };
        command = mkOption {
          type = types.either types.str types.path;
          default = "";
        };
        script = mkOption {
          type = types.lines;
          default = "";
        };
        serviceConfig = mkOption {
          type = types.submodule ./job.nix;
          default = { };
        };
      };
      config = {
        command = lib.mkIf (config.script != "") (
          pkgs.writeScript "${name}-start" "#! ${pkgs.stdenv.shell}\n\n${config.script}"
        );
        serviceConfig = {
          Label = lib.mkDefault "${cfg.labelPrefix}.${name}";
          ProgramArguments = lib.mkIf (config.command != "") [
            "/bin/sh"
            "-c"
            "/bin/wait4path /nix/store && exec ${config.command}"
          ];
          EnvironmentVariables = lib.mkIf (environment != { }) environment;
        };
      };
    };
  jobs = mkOption {
    type = types.attrsOf (types.submodule job);
    default = { };
  };
  texts = lib.mapAttrs' (
    _: job:
    lib.nameValuePair "${job.serviceConfig.Label}.plist" {
      text = lib.generators.toPlist { escape = true; } job.serviceConfig;
    }
  );
  files = mkOption {
    type = types.attrsOf (types.submodule { options.text = mkOption { type = types.lines; }; });
    default = { };
  };
in
{
  options = {
    launchd.labelPrefix = mkOption {
      type = types.str;
      default = "org.nixos";
    };
    launchd.daemons = jobs;
    launchd.agents = jobs;
    launchd.user.agents = jobs;
    environment.launchDaemons = files;
    environment.launchAgents = files;
    environment.userLaunchAgents = files;
  };
  config.environment = {
    launchDaemons = texts cfg.daemons;
    launchAgents = texts cfg.agents;
    userLaunchAgents = texts cfg.user.agents;
  };
}
