package dev.turnstone.envadapters.peer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import okhttp3.Cookie;
import okhttp3.CookieJar;
import okhttp3.HttpUrl;

/// The cookies of one rollout: the newest of each name wins. Bounded, since a server may set
/// whatever it likes.
final class SessionCookies implements CookieJar {
  private static final int MOST = 64;

  private final Map<String, Cookie> byName = new LinkedHashMap<>();

  @Override
  public synchronized void saveFromResponse(HttpUrl url, List<Cookie> cookies) {
    for (Cookie cookie : cookies) {
      byName.remove(cookie.name());
      byName.put(cookie.name(), cookie);
      if (byName.size() > MOST) byName.remove(byName.keySet().iterator().next());
    }
  }

  @Override
  public synchronized List<Cookie> loadForRequest(HttpUrl url) {
    return new ArrayList<>(byName.values().stream().filter(cookie -> cookie.matches(url)).toList());
  }
}
