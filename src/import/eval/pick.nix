# What readers ask for of a configuration. A value that fails is null; the others stay.
let
  plain = value: let type = builtins.typeOf value; in
    if type == "path" then toString value
    else if type == "string" then builtins.unsafeDiscardStringContext value
    else if type == "list" then map plain value
    else if type == "set" then (if value ? outPath then plain (toString value) else builtins.mapAttrs (_: plain) value)
    else if type == "lambda" then null
    else value;
  safe = value: let
      tried = builtins.tryEval (let flat = plain value; in builtins.deepSeq flat flat);
    in if tried.success then tried.value else null;
  some = names: set: builtins.listToAttrs (map (name: { inherit name; value = set.${name}; })
    (builtins.filter (name: set ? ${name}) names));
  pick = names: set: builtins.mapAttrs (_: safe) (some names set);
  each = names: set: builtins.mapAttrs (_: pick names) set;
  place = [ "name" "path" "mode" "owner" "group" "uid" "gid" "restartUnits" "reloadUnits" ];
  sops = set: {
    secrets = each (place ++ [ "key" "sopsFile" "format" "neededForUsers" ]) (set.secrets or { });
    templates = each (place ++ [ "content" ]) (set.templates or { });
    placeholder = safe (set.placeholder or { });
  };
  age = set: {
    secrets = builtins.mapAttrs (_: secret:
      pick (place ++ [ "symlink" "rekeyFile" "generator" "intermediary" ]
        ++ (if (secret.rekeyFile or null) == null then [ "file" ] else [ ])) secret) (set.secrets or { });
    rekey = pick [ "hostPubkey" "masterIdentities" "extraEncryptionPubkeys" "storageMode" "localStorageDir" ] (set.rekey or { });
  };
  secrix = set: {
    inherit (pick [ "hostPubKey" "defaultEncryptKeys" ] set) hostPubKey defaultEncryptKeys;
    system = each [ "name" "encrypted" "encryptKeys" "decrypted" ] (set.system.secrets or { });
    services = builtins.mapAttrs (_: service: {
      systemdService = safe service.systemdService;
      secrets = each [ "name" "encrypted" "encryptKeys" "decrypted" ] (service.secrets or { });
    }) (set.services or { });
  };
  vaultix = set: {
    secrets = each (place ++ [ "file" ]) (set.secrets or { });
    templates = each (place ++ [ "content" ]) (set.templates or { });
    beforeUserborn = safe (set.beforeUserborn or [ ]);
    placeholder = safe (set.placeholder or { });
    settings = pick [ "hostPubkey" "decryptedDir" ] (set.settings or { });
  };
  modules = config:
    (if config ? sops then { sops = sops config.sops; } else { })
    // (if config ? age then { age = age config.age; } else { })
    // (if config ? secrix then { secrix = secrix config.secrix; } else { })
    // (if config ? vaultix then { vaultix = vaultix config.vaultix; } else { });
  facts = config: modules config // {
    hostName = safe (config.networking.hostName or null);
    system = safe (config.nixpkgs.hostPlatform.system or config.nixpkgs.system or null);
    homes = builtins.mapAttrs (_: modules) (config.home-manager.users or { });
  };
  units = config: builtins.mapAttrs (_: unit: {
    config = pick [ "LoadCredential" "LoadCredentialEncrypted" "EnvironmentFile" "ExecStart" "ExecStartPre" "BindReadOnlyPaths" ]
      (unit.serviceConfig or { });
    rest = pick [ "environment" "script" "preStart" ] unit;
  }) (config.systemd.services or { });
in
{ inherit pick facts units; }
