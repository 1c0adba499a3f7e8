# The same words as in owner-app.nix and mode-0440.nix, from another module.
{
  secretctl.secrets."any/token" = {
    owner = "app";
    mode = "0440";
    restartUnits = [ "app.service" ];
  };
}
