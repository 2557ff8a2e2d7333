using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Storage.Databases;
using Dapper;

namespace Banyan.Server.SignIn;

/// <summary>Passwords of users. A check takes 19 MiB and noticeable processor time: two run at a time, and requests beyond a short queue
/// are refused.</summary>
sealed class Passwords(HubDatabase database, AccountStore accounts, TimeProvider time)
{
    const int MinLength = 10, MaxLength = 200, MaxWaiting = 40;

    readonly SemaphoreSlim _turns = new(2);
    readonly Lazy<Task<string>> _nobodys = new(() => Argon2Hash.MakeAsync(Guid.NewGuid().ToString()));
    int _waiting;

    /// <summary>The user of a name and password, or null. It takes the same time whether there is such a user or not.</summary>
    public async Task<Account?> FindAsync(string name, string password, CancellationToken cancellationToken)
    {
        if (password.Length > MaxLength)
            return null;
        password = password.Length == 0 ? " " : password;   // nobody's: none is so short
        var user = await accounts.FindAsync(name, cancellationToken) is { IsUser: true } found ? found : null;
        var hash = user is null ? null : await HashAsync(user.Id, cancellationToken);
        var isRight = await InTurnAsync(async () => await Argon2Hash.IsOfAsync(password, hash ?? await _nobodys.Value), cancellationToken);
        return isRight && hash is not null ? user : null;
    }

    /// <summary>Whether a user has one.</summary>
    public async Task<bool> HasAsync(long user, CancellationToken cancellationToken) =>
        await HashAsync(user, cancellationToken) is not null;

    /// <summary>Gives a user a password.</summary>
    /// <exception cref="HubException">400: it is too short, too long, or the user's name.</exception>
    public async Task SetAsync(Account user, string password, CancellationToken cancellationToken)
    {
        Check(user.Name, password);
        var hash = await InTurnAsync(() => Argon2Hash.MakeAsync(password), cancellationToken);
        await database.WriteAsync(async t =>
        {
            await t.ExecuteAsync(
                "INSERT INTO passwords (user_id, hash, changed_at) VALUES (@Id, @hash, @now) ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at",
                new { user.Id, hash, now = time.GetUtcNow().ToUnixTimeMilliseconds() });
            await Audit.RecordAsync(t, "password.set", user.Name);
        }, cancellationToken);
    }

    /// <summary>Refuses what is no password for a user.</summary>
    public static void Check(string name, string password)
    {
        if (password.Length is < MinLength or > MaxLength)
            throw HubException.BadRequest(
                $"A password has {MinLength} to {MaxLength} characters, not {password.Length}. A few words in a row are easy to remember.");
        if (password.Distinct().Count() < 4 || password.Contains(name, StringComparison.OrdinalIgnoreCase)
            && password.Length < name.Length + 6)
            throw HubException.BadRequest("This password is easy to guess: take another.");
    }

    Task<string?> HashAsync(long user, CancellationToken cancellationToken) =>
        database.ReadAsync(c => c.ExecuteScalarAsync<string?>("SELECT hash FROM passwords WHERE user_id = @user", new { user }),
            cancellationToken);

    async Task<T> InTurnAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _waiting) > MaxWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            throw HubException.Busy(5, "Too many sign in at once: try again in a few seconds.");
        }
        try
        {
            await _turns.WaitAsync(cancellationToken);
            try
            {
                return await Task.Run(work, cancellationToken);
            }
            finally
            {
                _turns.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }
}
