# A host on which nothing is wrong.
{ lib, ... }:
{
  networking.hostName = "alpha";
  fileSystems."/" = {
    device = "/dev/sda";
    fsType = "ext4";
  };
  users.users.app = {
    isSystemUser = true;
    group = "media";
  };
  users.groups.media = { };
  systemd.services.app.serviceConfig = {
    ExecStart = "/bin/app";
    User = "app";
  };
  systemd.services.worker.script = "work";
  systemd.services."page@".serviceConfig.ExecStart = "/bin/page %i";
  systemd.services.dynamic.serviceConfig = {
    ExecStart = "/bin/dynamic";
    DynamicUser = true;
  };
  secretctl = {
    enable = true;
    fleet = ../fleet;
    trustedKeys = [ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio" ];
  };
}
