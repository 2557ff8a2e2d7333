using System.Net.Sockets;
using Banyan.Server.Accounts;
using Banyan.Server.Hub;
using Banyan.Server.Jobs;
using Banyan.Server.Pages.Languages;
using Banyan.Server.SignIn;
using Banyan.Server.Storage.Databases;
using Dapper;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Logging;
using MimeKit;

namespace Banyan.Server.Mail;

/// <summary>Sends queued mail, retrying each until the server accepts it, with growing pauses, for two days. A crash between the server's
/// answer and the database sends a mail twice, with the same id. Messages of errors name no address: what servers answer may contain
/// one.</summary>
sealed partial class MailJob(HubDatabase database, MailQueue queue, HubOptions options, SignInLinks links, TimeProvider time,
    ILogger<MailJob> log) : Job
{
    const int Batch = 50, MaxAccounts = 5;

    static readonly TimeSpan s_life = TimeSpan.FromDays(2), s_again = TimeSpan.FromMinutes(10), s_patience = TimeSpan.FromSeconds(30);

    sealed record Row(long Id, string Recipient, string Subject, string? Body, string Language, long MadeAt, int Tries)
    {
        Row() : this(0, "", "", null, "", 0, 0)
        {
        }
    }

    /// <inheritdoc/>
    public override string Name => "mail";

    /// <inheritdoc/>
    public override string Purpose => "Sends mail";

    /// <inheritdoc/>
    public override TimeSpan Every => TimeSpan.FromSeconds(2);

    readonly SemaphoreSlim _turn = new(1);

    long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public override async Task<bool> IsWaitingAsync(CancellationToken cancellationToken) =>
        queue.IsOn
        && await database.ReadAsync(c => c.ExecuteScalarAsync<bool>("SELECT EXISTS (SELECT 1 FROM mails WHERE due_at <= @Now)",
            new { Now }), cancellationToken);

    /// <inheritdoc/>
    public override async Task RunAsync(JobRun run, CancellationToken cancellationToken)
    {
        if (options.Mail is not { } mail)
            return;
        await _turn.WaitAsync(cancellationToken);
        using var client = new SmtpClient { Timeout = (int)s_patience.TotalMilliseconds };
        try
        {
            while (await database.ReadAsync(async c => (await c.QueryAsync<Row>(
                "SELECT id, recipient, subject, body, language, made_at, tries FROM mails WHERE due_at <= @Now ORDER BY due_at, id LIMIT @Batch", new { Now, Batch })).AsList(), cancellationToken) is { Count: > 0 } waiting)
                foreach (var row in waiting)
                {
                    if (row.Body is null)
                        await FindAsync(row, cancellationToken);
                    else
                        await SendAsync(client, mail, row, row.Body, cancellationToken);
                }
        }
        finally
        {
            _turn.Release();
            if (client.IsConnected)
                await client.DisconnectAsync(quit: true, CancellationToken.None);
        }
    }

    /// <summary>
    /// Makes the mails of a forgotten password: to the accounts of a name or an address that have an address, with a link each that works
    /// once.
    /// </summary>
    async Task FindAsync(Row row, CancellationToken cancellationToken)
    {
        var language = PageLanguage.Find(row.Language) ?? PageLanguage.English;
        var found = await database.ReadAsync(async c => (await c.QueryAsync<Account>(
            "SELECT id, name, email FROM accounts WHERE kind = 'user' AND email IS NOT NULL AND suspended_at IS NULL AND (name_key = @key OR LOWER(email) = LOWER(@Recipient)) ORDER BY id LIMIT @MaxAccounts",
            new { key = Names.Key(row.Recipient), row.Recipient, MaxAccounts })).AsList(), cancellationToken);
        foreach (var account in found)
            // Whoever asks again and again fills nobody's mailbox.
            if (await links.MakeSoonestAsync(account.Id, s_again, cancellationToken) is { } code)
                await queue.AddAsync(account.Email!, language["mail.reset.subject"],
                    language.Say("mail.reset.text", ("name", account.Name), ("hub", queue.Hub), ("link", $"{queue.Hub}/join?code={code}")),
                    language, cancellationToken);
        await RemoveAsync(row.Id, cancellationToken);
    }

    Task RemoveAsync(long id, CancellationToken cancellationToken) =>
        database.WriteAsync(t => t.ExecuteAsync("DELETE FROM mails WHERE id = @id", new { id }), cancellationToken);

    async Task SendAsync(SmtpClient client, MailOptions mail, Row row, string body, CancellationToken cancellationToken)
    {
        var message = new MimeMessage(new[] { MailboxAddress.Parse(mail.From) }, new[] { MailboxAddress.Parse(row.Recipient) }, row.Subject,
            new TextPart("plain") { Text = body })
        {
            MessageId = $"{row.Id}.{row.MadeAt}@{new Uri(queue.Hub).Host}",
            Date = DateTimeOffset.FromUnixTimeMilliseconds(row.MadeAt),
        };
        message.Headers.Add("Auto-Submitted", "auto-generated");
        try
        {
            if (!client.IsConnected)
            {
                if (mail.Authorities is not null)
                    (client.CheckCertificateRevocation, client.ServerCertificateValidationCallback) =
                        (false, (_, certificate, _, errors) => mail.Trusts(certificate, errors));
                await client.ConnectAsync(mail.Host, mail.Port, mail.IsTls ? SecureSocketOptions.SslOnConnect : mail.IsLocal
                    ? SecureSocketOptions.StartTlsWhenAvailable : SecureSocketOptions.StartTls, cancellationToken);
                if (mail.User is { } user)
                    await client.AuthenticateAsync(user, mail.Password ?? "", cancellationToken);
            }
            await client.SendAsync(message, cancellationToken);
            await RemoveAsync(row.Id, cancellationToken);
        }
        catch (SmtpCommandException e) when (e.ErrorCode is SmtpErrorCode.RecipientNotAccepted or SmtpErrorCode.MessageNotAccepted)
        {
            // This mail alone; 5xx says for ever.
            LogRefused(log, row.Id, (int)e.StatusCode);
            await (((int)e.StatusCode >= 500) ? RemoveAsync(row.Id, cancellationToken) : LaterAsync(row, cancellationToken));
        }
        catch (Exception e) when (e is SocketException or IOException or ProtocolException or CommandException or SslHandshakeException
            or AuthenticationException or NotSupportedException or TimeoutException or OperationCanceledException
            && !cancellationToken.IsCancellationRequested)
        {
            await LaterAsync(row, cancellationToken);
            throw new InvalidOperationException(Problem(mail, e));
        }
    }

    /// <summary>The error without the server's text, which may contain an address.</summary>
    internal static string Problem(MailOptions mail, Exception e) =>
        $"{mail.Host}:{mail.Port} takes no mail: {(e is SmtpCommandException { StatusCode: var status } ? $"it answers {(int)status}" : e.GetType().Name)}";

    /// <summary>In half a minute, then in twice as long each time, up to an hour; after two days never.</summary>
    async Task LaterAsync(Row row, CancellationToken cancellationToken)
    {
        if (Now - row.MadeAt > s_life.TotalMilliseconds)
            await RemoveAsync(row.Id, cancellationToken);
        else
            await database.WriteAsync(t => t.ExecuteAsync("UPDATE mails SET tries = tries + 1, due_at = @due WHERE id = @Id",
                new { row.Id, due = Now + (long)Math.Min(3_600_000, 30_000 * Math.Pow(2, Math.Min(row.Tries, 8))) }), cancellationToken);
    }

    [LoggerMessage(LogLevel.Warning, "Mail {Id} was refused by the mail server with {Status}")]
    static partial void LogRefused(ILogger log, long id, int status);
}
