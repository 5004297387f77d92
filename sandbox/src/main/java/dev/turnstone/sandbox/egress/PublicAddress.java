package dev.turnstone.sandbox.egress;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Arrays;

/// Tells addresses of the public internet from those that only mean something here: loopback,
/// private, link-local, shared, reserved, multicast, translated, and the machine's own.
final class PublicAddress {
  /// 168.63.129.16: to machines in Azure their host's own services.
  private static final byte[] AZURE = {(byte) 168, 63, (byte) 129, 16};

  private PublicAddress() {}

  static boolean is(InetAddress address) {
    byte[] b = address.getAddress();
    boolean special =
        address.isAnyLocalAddress()
            || address.isLoopbackAddress()
            || address.isLinkLocalAddress()
            || address.isSiteLocalAddress()
            || address.isMulticastAddress()
            || (address instanceof Inet4Address ? special4(b) : special6(b));
    return !special && !isOwn(address);
  }

  private static boolean special4(byte[] b) {
    int first = b[0] & 255;
    int second = b[1] & 255;
    return first == 0
        || first >= 240
        || (first == 100 && second >= 64 && second < 128)
        || (first == 192 && second == 0 && b[2] == 0)
        || (first == 198 && (second == 18 || second == 19))
        || Arrays.equals(b, AZURE);
  }

  /// Unique local ones, and those that hold an IPv4 address, which could be any.
  private static boolean special6(byte[] b) {
    int first = (b[0] & 255) << 8 | (b[1] & 255);
    int second = (b[2] & 255) << 8 | (b[3] & 255);
    return (first & 0xfe00) == 0xfc00
        || first == 0
        || first == 0x100
        || first == 0x2002
        || (first == 0x2001 && second == 0)
        || (first == 0x64 && second == 0xff9b);
  }

  private static boolean isOwn(InetAddress address) {
    try {
      return NetworkInterface.getByInetAddress(address) != null;
    } catch (SocketException e) {
      return true; // Not to be told: treated as the worse case.
    }
  }
}
