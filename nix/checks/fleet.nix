# `secretctl check` over a fleet, in the sandbox: no key, no network.
{
  pkgs,
  secretctl,
  fleet,
}:
pkgs.runCommand "secretctl-check"
  {
    nativeBuildInputs = [ secretctl ];
    fleet = builtins.path {
      path = fleet;
      name = "fleet";
    };
  }
  ''
    # The check takes the lock of the repository, so it gets one that it may write to.
    cp -R "$fleet" fleet
    chmod -R u+w fleet
    secretctl --fleet fleet check
    : > "$out"
  ''
