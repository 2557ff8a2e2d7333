using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Access;

/// <summary>
/// How much of something dear each caller may ask for: users by their account, others by the address they come from, so that nobody's share
/// is spent by somebody else.
/// </summary>
/// <param name="most">What may be asked for at once, after a while of nothing.</param>
/// <param name="perSecond">What comes back each second.</param>
/// <param name="time">What time it is.</param>
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
