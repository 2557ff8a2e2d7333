using Banyan.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.SignIn;

/// <summary>Attempts to sign in, counted by address, by name, and by both: guessing is slow, and others' guesses do not quickly lock a user
/// out. Counts expire after a quarter of an hour, and their number is bounded.</summary>
sealed class Throttle(TimeProvider time)
{
    const int PerPair = 8, PerAddress = 60, PerName = 200, MaxKeys = 50_000;

    static readonly TimeSpan s_window = TimeSpan.FromMinutes(15);

    readonly Lock _gate = new();
    readonly Dictionary<string, (int Count, DateTimeOffset Until)> _counts = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Counts an attempt.</summary>
    /// <exception cref="HubException">429: there were too many.</exception>
    public void Count(HttpContext context, string name)
    {
        var (now, from) = (time.GetUtcNow(), ForwardedAddress.NetworkOf(context));
        name = name.Length > 100 ? name[..100] : name;
        lock (_gate)
        {
            if (_counts.Count > MaxKeys)
                foreach (var key in _counts.Where(c => c.Value.Until <= now).Select(c => c.Key).ToList())
                    _counts.Remove(key);
            if (_counts.Count > MaxKeys)
                _counts.Clear();
            foreach (var (key, most) in (ReadOnlySpan<(string, int)>)[($"both {from} {name}", PerPair), ($"from {from}", PerAddress),
                ($"name {name}", PerName)])
            {
                var (count, until) = _counts.TryGetValue(key, out var known) && known.Until > now ? known : (0, now + s_window);
                if (count >= most)
                    throw new HubException(429, null,
                        $"Too many attempts. Try again in {Math.Ceiling((until - now).TotalMinutes)} minutes.")
                    {
                        RetryAfterSeconds = (int)Math.Ceiling((until - now).TotalSeconds)
                    };
                _counts[key] = (count + 1, until);
            }
        }
    }

    /// <summary>Clears the counts of a user who has signed in, and this attempt of the address, so that a whole office behind one address
    /// can sign in. Other users' failed attempts there stay counted.</summary>
    public void Forget(HttpContext context, string name)
    {
        var from = ForwardedAddress.NetworkOf(context);
        lock (_gate)
        {
            _counts.Remove($"both {from} {name}");
            if (_counts.TryGetValue($"from {from}", out var known) && known.Count > 0)
                _counts[$"from {from}"] = known with { Count = known.Count - 1 };
        }
    }
}
