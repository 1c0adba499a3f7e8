{
  secretctl = {
    enable = true;
    fleet = ../.;
    # Your own signing key; `secretctl init` printed it.
    trustedKeys = [ ];
  };
}
