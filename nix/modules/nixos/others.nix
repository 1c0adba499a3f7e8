# Other tools for secrets that this configuration runs beside us, and the folders that are theirs.
{
  config,
  options,
}:

let
  secrets = tool: (config.${tool} or { }).secrets or { };
  templates = (config.sops or { }).templates or { };
in
{
  sopsNix = {
    name = "sops-nix";
    option = "sops";
    secrets = if options ? sops then secrets "sops" else { };
    runs = options ? sops && (secrets "sops" != { } || templates != { });
    # Each of its runs points the link to a new folder, so nothing else stays in there.
    folders = [
      "/run/secrets"
      "/run/secrets.d"
      "/run/secrets-for-users"
      "/run/secrets-for-users.d"
    ];
  };
  # ragenix and agenix-rekey have the options of agenix.
  agenix = {
    name = "agenix";
    option = "age";
    secrets = if options ? age then secrets "age" else { };
    runs = options ? age && secrets "age" != { };
    folders = [
      (config.age.secretsDir or "/run/agenix")
      (config.age.secretsMountPoint or "/run/agenix.d")
    ];
  };
}
