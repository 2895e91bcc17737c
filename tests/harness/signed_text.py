"""What openssl says of a text that the control plane has signed."""
import os
import subprocess


def verified(cluster, folder, saved):
    """Of `saved`.txt and its signature, with the authority's certificate alone."""
    authority, = {os.path.join(here, "ca.crt") for here, _, names in os.walk(cluster.state)
                  if "ca.crt" in names and "ca.key" in names}
    public = str(folder / "authority.pem")
    subprocess.run(["openssl", "x509", "-in", authority, "-pubkey", "-noout", "-out", public], check=True)
    return subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", saved + ".sig", saved + ".txt"],
                          capture_output=True, text=True, check=False).stdout
