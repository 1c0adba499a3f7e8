# Jobs of the user on macOS.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.launchd;
  enabled = lib.filterAttrs (_: agent: agent.enable) cfg.agents;

  agent =
    { name, config, ... }:
    {
      options = {
        enable = lib.mkEnableOption name;
        domain = mkOption {
          type = types.enum [
            "gui"
            "user"
          ];
          default = "gui";
        };
        waitForNixStore = mkOption {
          type = types.bool;
          default = true;
        };
        config = mkOption {
          type = types.submodule ../darwin/job.nix;
          default = { };
        };
      };
      config.config = {
        Label = lib.mkDefault "org.nix-community.home.${name}";
        LimitLoadToSessionType = lib.mkIf (config.domain == "user") (lib.mkDefault "Background");
      };
    };

  # The store may be mounted later than jobs start.
  waiting =
    agent:
    let
      job = agent.config;
      command = lib.optional (job.Program != null) job.Program ++ lib.optionals (job.ProgramArguments != null) job.ProgramArguments;
    in
    removeAttrs job [ "Program" ]
    // lib.optionalAttrs agent.waitForNixStore {
      ProgramArguments = [
        "/bin/sh"
        "-c"
        "/bin/wait4path /nix/store && exec ${lib.escapeShellArgs command}"
      ];
    };
in
{
  options.launchd = {
    enable = mkOption {
      type = types.bool;
      default = pkgs.stdenv.hostPlatform.isDarwin;
    };
    agents = mkOption {
      type = types.attrsOf (types.submodule agent);
      default = { };
    };
    # For those who look at what a job's file says.
    texts = mkOption {
      type = types.attrsOf types.str;
      internal = true;
    };
  };
  config = {
    launchd.texts = lib.mapAttrs' (
      _: agent: lib.nameValuePair agent.config.Label (lib.generators.toPlist { escape = true; } (waiting agent))
    ) enabled;
    home.file = lib.mkIf cfg.enable (
      lib.mapAttrs' (
        label: text: lib.nameValuePair "Library/LaunchAgents/${label}.plist" { inherit text; }
      ) cfg.texts
    );
    assertions = [
      {
        assertion = (cfg.enable && enabled != { }) -> pkgs.stdenv.hostPlatform.isDarwin;
        message = "Launchd is only available on macOS.";
      }
    ];
  };
}
