# The name of the host.
{ lib, config, ... }:
{
  options.networking = {
    hostName = lib.mkOption {
      type = lib.types.strMatching "^$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$";
      default = "nixos";
    };
    domain = lib.mkOption {
      type = lib.types.nullOr lib.types.str;
      default = null;
    };
    useNetworkd = lib.mkEnableOption "systemd-networkd";
  };
  config.environment.etc.hostname = lib.mkIf (config.networking.hostName != "") {
    text = config.networking.hostName + "\n";
  };
}
