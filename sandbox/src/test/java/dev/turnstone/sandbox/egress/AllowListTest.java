package dev.turnstone.sandbox.egress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class AllowListTest {
  private static final InetAddress PUBLIC = InetAddress.ofLiteral("93.184.216.34");

  @ParameterizedTest
  @CsvSource({
    "pypi.org, pypi.org, 443, true",
    "pypi.org, pypi.org, 80, true",
    "pypi.org, pypi.org, 22, false",
    "pypi.org, evil-pypi.org, 443, false",
    "pypi.org, files.pypi.org, 443, false",
    "*.pypi.org, files.pypi.org, 443, true",
    "*.pypi.org, pypi.org, 443, false",
    "*.pypi.org, xpypi.org, 443, false",
    "Pypi.org:8443, pypi.org, 8443, true",
    "pypi.org:8443, pypi.org, 443, false",
    "*, anything.example, 443, true",
    "*, anything.example, 25, false"
  })
  void aHostIsReachedIfAnEntryNamesIt(String entry, String host, int port, boolean reached) {
    AllowList list = AllowList.of(List.of(entry));

    if (reached) assertThat(target(list, host, port, PUBLIC)).isEqualTo(PUBLIC);
    else
      assertThatThrownBy(() -> target(list, host, port, PUBLIC))
          .hasMessageContaining("is not on this program's network list");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "168.63.129.16",
        "::1",
        "fe80::1",
        "fd00::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::ffff:10.0.0.1"
      })
  void aNameThatLeadsToAnAddressOfOurOwnIsRefused(String address) {
    InetAddress own = InetAddress.ofLiteral(address);

    assertThatThrownBy(() -> target(AllowList.of(List.of("*", "a.example")), "a.example", 80, own))
        .hasMessageContaining("no public address");
    assertThat(
            target(
                AllowList.of(List.of("a.example:80", literal(own) + ":80")), "a.example", 80, own))
        .isEqualTo(own);
  }

  /// The address that was checked is the one that is connected to, however often the name changes.
  @Test
  void aNameIsResolvedOnce() throws Exception {
    int[] asked = new int[1];
    AllowList list = AllowList.of(List.of("rebind.example"));
    AllowList.Resolver rebinding =
        name -> new InetAddress[] {asked[0]++ == 0 ? PUBLIC : InetAddress.getLoopbackAddress()};

    assertThat(list.target("rebind.example", 80, rebinding)).isEqualTo(PUBLIC);
    assertThatThrownBy(() -> list.target("rebind.example", 80, rebinding))
        .hasMessageContaining("no public address");
    assertThat(asked[0]).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource({
    "*, pypi.org, ''",
    "*, pypi.org:443, ''",
    "*, 10.0.0.1, 10.0.0.1",
    "*.org, pypi.org, ''",
    "*.org, *.org, ''",
    "pypi.org, pypi.org:443, ''",
    "pypi.org, pypi.org:22, pypi.org:22",
    "pypi.org:443, pypi.org, pypi.org",
    "pypi.org, *, *",
    "[fd00::1]:80, [fd00::1]:80, ''"
  })
  void oneListCoversAnother(String ceiling, String asked, String beyond) {
    assertThat(AllowList.of(List.of(ceiling)).beyond(AllowList.of(List.of(asked))))
        .isEqualTo(beyond.isEmpty() ? Optional.empty() : Optional.of(beyond));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "http://a", "a:0", "a:70000", "a/b", "a b", "a.*", ":80"})
  void anEntryThatIsNoneIsRefused(String entry) {
    assertThatThrownBy(() -> AllowList.of(List.of(entry)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("\"" + entry + "\"");
  }

  private static InetAddress target(AllowList list, String host, int port, InetAddress at) {
    try {
      return list.target(host, port, name -> new InetAddress[] {at});
    } catch (AllowList.Refused | UnknownHostException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
  }

  private static String literal(InetAddress address) {
    String text = address.getHostAddress().replaceAll("%.*", "");
    return text.contains(":") ? "[" + text + "]" : text;
  }
}
