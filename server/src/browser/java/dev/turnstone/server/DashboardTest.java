package dev.turnstone.server;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.microsoft.playwright.Browser;
import com.microsoft.playwright.BrowserType;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.Playwright;
import com.microsoft.playwright.options.AriaRole;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.client.FeedClient;
import dev.turnstone.trainerbridge.client.FeedOptions;
import dev.turnstone.trainerbridge.client.Delivered;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The live page in a real Chromium, Debian's.
@Timeout(120)
final class DashboardTest {
  private static final List<Path> CHROMIUM =
      List.of(Path.of("/usr/bin/chromium"), Path.of("/usr/bin/chromium-browser"));

  private static Playwright playwright;
  private static Browser browser;

  @TempDir private Path data;
  private final List<String> complaints = new ArrayList<>();
  private TestServer server;
  private Page page;

  @BeforeAll
  static void launch() {
    Optional<Path> chromium = CHROMIUM.stream().filter(Files::isExecutable).findFirst();
    Assumptions.assumeTrue(chromium.isPresent(), "no chromium: install Debian's package chromium");
    playwright =
        Playwright.create(
            new Playwright.CreateOptions()
                .setEnv(Map.of("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")));
    browser =
        playwright
            .chromium()
            .launch(
                new BrowserType.LaunchOptions()
                    .setExecutablePath(chromium.get())
                    .setArgs(List.of("--no-sandbox", "--disable-dev-shm-usage")));
  }

  @AfterAll
  static void quit() {
    playwright.close();
  }

  @BeforeEach
  void open() throws InterruptedException {
    server = TestServer.start(data);
    page = browser.newPage();
    page.setDefaultTimeout(30_000);
    page.onPageError(complaints::add);
    page.onConsoleMessage(message -> {
      if (message.type().equals("error")) complaints.add(message.text());
    });
  }

  @AfterEach
  void close() {
    page.close();
    server.close();
  }

  @Test
  void aRunIsSeenAsItGoesAndAgainAfterAReload() throws Exception {
    page.navigate(server.url());
    assertThat(page.getByRole(AriaRole.STATUS))
        .containsText("no run yet");

    run();

    sees();
    page.reload();
    sees();
    assertThat(complaints).isEmpty();
  }

  private void sees() {
    assertThat(page.locator("#runs")).hasValue("r");
    assertThat(page.locator("#rollouts tbody tr")).hasCount(2);
    assertThat(plot("reward").locator("output")).hasText("0.5");
    assertThat(plot("mismatch k3").locator("polyline"))
        .hasAttribute("points", Pattern.compile("[\\d.]+,[\\d.]+ [\\d.]+,[\\d.]+"));
    assertThat(page.locator("#alarms")).hasText("mismatch above 0.01");
    assertThat(page.locator("#tiles")).containsText("groups complete");
  }

  private Locator plot(String title) {
    Locator image =
        page.locator("svg[aria-label='" + title + "']");
    return page.locator("figure").filter(new Locator.FilterOptions().setHas(image));
  }

  @Test
  void aRolloutShowsItsTokens() throws Exception {
    run();
    page.navigate(server.url());

    page.locator("#rollouts tbody button").first().click();

    Locator dialog = page.getByLabel("Trajectory");
    assertThat(dialog).containsText("g-1, rollout");
    assertThat(dialog.locator("span.trained").first())
        .hasAttribute("title", Pattern.compile("log-probability -0.500, version 0, turn 0, mask 1"));
    assertThat(dialog.locator("span.read").first()).isVisible();
    dialog.getByText("Close").click();
    assertThat(dialog).isHidden();
    assertThat(complaints).isEmpty();
  }

  @Test
  void aServerWithKeysAsksForOne(@TempDir Path other) throws Exception {
    try (TestServer locked =
        TestServer.start(other, "{\"api_keys\": [{\"key\": \"k\", \"scope\": \"admin\"}]}")) {
      page.navigate(locked.url());
      Locator key = page.getByLabel("API key");
      assertThat(key).isVisible();

      key.fill("k");
      key.press("Enter");

      assertThat(page.getByRole(AriaRole.STATUS)).containsText("no run yet");
    }
  }

  /// A run of one group of two rollouts, and a trainer that took it and made two steps.
  private void run() throws Exception {
    server.policy.says("42").says("41");
    server.post(
        "/v1/environments",
        "{\"environment\":\"qa\",\"rewards\":[{\"kind\":\"exact_match\"}]}");
    server.post(
        "/v1/runs",
        "{\"run\":\"r\",\"environment\":\"qa\",\"group_size\":2,\"incomplete\":{\"policy\":\"mask\"}}");
    server.post(
        "/v1/runs/r/groups",
        "{\"group\":\"g-1\",\"task\":{\"messages\":[{\"role\":\"user\",\"content\":\"6*7?\"}],"
            + "\"data\":{\"answer\":\"42\"}}}");
    try (FeedClient feed =
        FeedClient.connect(
            FeedOptions.of(URI.create(server.url()), "r", "test"),
            Duration.ofSeconds(10))) {
      feed.open(8, 1 << 20);
      assertThat(feed.take(Duration.ofSeconds(10)).orElseThrow())
          .isInstanceOf(Delivered.Group.class);
      feed.stats(step(1, 1e-13));
      ObjectNode second = step(2, 0.02);
      second.putArray("alarms").add("mismatch above 0.01");
      feed.stats(second);
    }
  }

  private static ObjectNode step(int step, double mismatch) {
    return Wire.JSON.createObjectNode().put("step", step).put("mismatch_k3", mismatch);
  }
}
