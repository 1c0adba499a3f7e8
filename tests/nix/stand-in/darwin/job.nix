# A job of launchd: keys of its property list, those with a type and any other.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  maybe =
    type:
    mkOption {
      type = types.nullOr type;
      default = null;
    };
in
{
  freeformType = types.attrsOf types.anything;
  options = {
    Label = mkOption { type = types.str; };
    Disabled = maybe types.bool;
    Program = maybe types.str;
    ProgramArguments = maybe (types.listOf types.str);
    RunAtLoad = maybe types.bool;
    KeepAlive = maybe (types.either types.bool (types.attrsOf types.anything));
    LaunchOnlyOnce = maybe types.bool;
    UserName = maybe types.str;
    GroupName = maybe types.str;
    Umask = maybe types.int;
    WorkingDirectory = maybe types.str;
    EnvironmentVariables = maybe (types.attrsOf types.str);
    WatchPaths = maybe (types.listOf types.path);
    StandardInPath = maybe types.path;
    StandardOutPath = maybe types.path;
    StandardErrorPath = maybe types.path;
    StartInterval = maybe types.int;
    ThrottleInterval = maybe types.int;
    ProcessType = maybe (
      types.enum [
        "Background"
        "Standard"
        "Adaptive"
        "Interactive"
      ]
    );
    LimitLoadToSessionType = maybe (types.either types.str (types.listOf types.str));
  };
}
