{
  secretctl.secrets."any/token".owner = "app";
}
