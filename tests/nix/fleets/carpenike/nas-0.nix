# nas-0 of the carpenike fleet, with everything that its file says of secrets.
{
  imports = [ ../machine.nix ];
  networking.hostName = "nas-0";
  fleet.units = [ ];
  fleet.users = [ "zfs-replication" ];
  fleet.groups = [ "zfs-replication" ];

  secretctl.secrets = {
    "zfs-replication/ssh-key" = {
      service = "syncoid";
      owner = "zfs-replication";
      group = "zfs-replication";
      mode = "0600";
      path = "/var/lib/zfs-replication/.ssh/id_ed25519";
    };
  };
}
