package dev.turnstone.envadapters.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ToolAddressPolicyTest {
  @ParameterizedTest
  @CsvSource({
    "127.0.0.1, loopback",
    "127.9.9.9, loopback",
    "::1, loopback",
    "0.0.0.0, own",
    "::, own",
    "169.254.169.254, link-local",
    "fe80::1, link-local",
    "10.1.2.3, private",
    "172.16.0.1, private",
    "172.31.255.255, private",
    "192.168.0.1, private",
    "100.64.0.1, private",
    "fd00:ec2::254, private",
    "198.18.0.1, reserved",
    "255.255.255.255, reserved",
    "224.0.0.1, multicast",
    "ff02::1, multicast",
    "::ffff:127.0.0.1, loopback",
    "::127.0.0.1, translated",
    "64:ff9b::a9fe:a9fe, translated",
    "2002:7f00:1::, translated",
  })
  void anAddressThatIsNotPublicNeedsAnEntry(String address, String kind) {
    InetAddress literal = InetAddress.ofLiteral(address);

    assertThat(ToolAddressPolicy.PUBLIC_ONLY.objection(literal, 80))
        .hasValueSatisfying(
            why -> assertThat(why).contains(kind).contains("port 80").contains("allow-list"));
    assertThat(ToolAddressPolicy.of(List.of(literal.getHostAddress())).objection(literal, 80))
        .isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"})
  void aPublicAddressNeedsNone(String address) {
    assertThat(ToolAddressPolicy.PUBLIC_ONLY.objection(InetAddress.ofLiteral(address), 443))
        .isEmpty();
  }

  @Test
  void theMachinesOwnAddressesNeedAnEntry() throws Exception {
    assertThat(
            NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .filter(Inet4Address.class::isInstance))
        .isNotEmpty()
        .allSatisfy(
            own -> assertThat(ToolAddressPolicy.PUBLIC_ONLY.objection(own, 80)).isPresent());
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1:8001, 127.0.0.1, 8001, true",
    "127.0.0.1:8001, 127.0.0.1, 8002, false",
    "127.0.0.1:8001, 127.0.0.2, 8001, false",
    "10.0.0.0/8, 10.255.1.1, 9, true",
    "10.0.0.0/8:80, 10.255.1.1, 80, true",
    "10.0.0.0/8:80, 10.255.1.1, 81, false",
    "10.4.0.0/14, 10.7.255.255, 1, true",
    "10.4.0.0/14, 10.8.0.0, 1, false",
    "[::1]:8001, ::1, 8001, true",
    "[::1]:8001, ::1, 80, false",
    "fd00::/8, fd12::1, 80, true",
    "fd00::/8, fc12::1, 80, false",
    "0.0.0.0/0, ::1, 80, false",
  })
  void anEntryCoversItsRangeAndPort(String entry, String address, int port, boolean allowed) {
    assertThat(
            ToolAddressPolicy.of(List.of(entry))
                .objection(InetAddress.ofLiteral(address), port)
                .isEmpty())
        .isEqualTo(allowed);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost",
        "10.0.0.0/33",
        "127.0.0.1:0",
        "127.0.0.1:70000",
        "1.2.3.4/x",
        "*"
      })
  void anythingElseIsRefusedWithTheEntry(String entry) {
    assertThatThrownBy(() -> ToolAddressPolicy.of(List.of(entry)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageEndingWith("was \"" + entry + "\"");
  }
}
