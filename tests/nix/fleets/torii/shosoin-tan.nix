# shosoin-tan of the torii fleet, with everything that its file says of secrets.
{
  imports = [ ../machine.nix ];
  networking.hostName = "shosoin-tan";
  fleet.units = [
    "wireguard-wg0"
    "wireguard-wg1"
  ];
  fleet.users = [ "minecraft" ];
  fleet.groups = [ "minecraft" ];

  secretctl.secrets = {
    discord_admin_guild_id = {
      owner = "minecraft";
      group = "minecraft";
    };
    discord_bridge_env = {
      service = "minecraft-discord-bridge";
      owner = "minecraft";
      group = "minecraft";
    };
    github_token.service = "nixos-auto-update";
    minecraft_forwarding_secret = {
      service = "minecraft-server-velocity";
      owner = "minecraft";
      group = "minecraft";
    };
    nitac23s_rcon_password = {
      service = "minecraft-server-nitac23s";
      owner = "minecraft";
      group = "minecraft";
    };
    restic_password.service = "restic-backups-local-backup";
    restic_shosoin_ssh_key.service = "restic-backups-remote-backup";
    shosoin_tan_root_password_hash.neededForUsers = true;
    shosoin_tan_t3u_password_hash.neededForUsers = true;
    shosoin_tan_wireguard_app_private_key = {
      service = "wireguard-wg1";
      restartUnits = [ "wireguard-wg1.service" ];
    };
    shosoin_tan_wireguard_private_key = {
      service = "wireguard-wg0";
      restartUnits = [ "wireguard-wg0.service" ];
    };
  };
}
