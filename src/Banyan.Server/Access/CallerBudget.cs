using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>A budget of expensive work for each caller: users by their account, others by their address, so that nobody spends another's
/// share.</summary>
/// <param name="most">The burst after an idle time.</param>
/// <param name="perSecond">What is refilled per second.</param>
/// <param name="time">The clock.</param>
sealed class CallerBudget(long most, long perSecond, TimeProvider time)
{
    const int MaxCallers = 10_000;

    readonly Dictionary<string, (double Left, DateTimeOffset At)> _callers = [];

    /// <summary>Takes from the caller's share.</summary>
    /// <exception cref="HubException">429: it is spent for now.</exception>
    public void Take(HttpContext context, Caller caller, long amount)
    {
        var (key, now) = (KeyOf(context, caller), time.GetUtcNow());
        lock (_callers)
        {
            if (_callers.Count >= MaxCallers && !_callers.ContainsKey(key))
                foreach (var whole in _callers.Where(c => LeftOf(c.Value, now) >= most).Select(c => c.Key).ToArray())
                    _callers.Remove(whole);
            if (_callers.Count >= MaxCallers && !_callers.ContainsKey(key))
                throw Spent(1, "Too many callers ask for this");
            var left = _callers.TryGetValue(key, out var known) ? LeftOf(known, now) : most;
            if (left < Math.Min(amount, most))
                throw Spent((int)Math.Ceiling((Math.Min(amount, most) - left) / perSecond),
                    "You asked for more of this than one caller may");
            _callers[key] = (left - amount, now);
        }
    }

    double LeftOf((double Left, DateTimeOffset At) known, DateTimeOffset now) =>
        Math.Min(most, known.Left + Math.Max(0, (now - known.At).TotalSeconds) * perSecond);

    static HubException Spent(int seconds, string why) =>
        new(429, null, $"{why}: try again in {seconds} s.") { RetryAfterSeconds = seconds };

    static string KeyOf(HttpContext context, Caller caller) =>
        caller.IsAnonymous ? ForwardedAddress.NetworkOf(context) : caller.UserId.ToString(CultureInfo.InvariantCulture);
}
