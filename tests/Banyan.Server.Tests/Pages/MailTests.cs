using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Banyan.Server.Auditing;
using Banyan.Server.Jobs;
using Banyan.Server.Mail;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Tests.Maintenance;
using Banyan.Server.Tests.Support;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using MimeKit;
using SmtpServer;
using SmtpServer.Mail;
using SmtpServer.Protocol;
using SmtpServer.Storage;

namespace Banyan.Server.Tests.Pages;

/// <summary>A hub with a mail server: another program's, on this machine.</summary>
public sealed partial class MailTests : IAsyncLifetime
{
    const string Hub = "https://hub.example.org";

    readonly TestClock _clock = new();
    readonly MailServer _mail = new();
    HubServer _hub = null!;

    public async ValueTask InitializeAsync()
    {
        _mail.Start();
        _hub = await HubServer.StartAsync(change: o =>
            o with
            {
                PublicUrl = Hub,
                Clock = _clock,
                Mail = MailOptions.Parse($"smtp://127.0.0.1:{_mail.Port}", "Our hub <hub@example.org>", null)
            });
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        await _mail.DisposeAsync();
    }

    T The<T>() where T : notnull => _hub.Server.Services.GetRequiredService<T>();

    /// <summary>What is sent now.</summary>
    async Task<MimeMessage[]> SentAsync()
    {
        await The<MailJob>().RunAsync(new(null), default);
        return [.. _mail.Take()];
    }

    [GeneratedRegex(@"https://\S+\?\S+")]
    private static partial Regex Link();

    static string LinkOf(MimeMessage message) => Link().Match(message.TextBody!).Value[Hub.Length..];

    [Fact]
    public async Task A_forgotten_password_is_set_anew_by_a_link_and_the_page_tells_nothing_of_accounts()
    {
        using var visit = new PageVisit(_hub);
        Assert.Contains("href=\"/login/forgot\"", (await visit.GetAsync("/login")).Html);
        var pages = new List<string>();
        foreach (var who in new[] { "nobody", "nobody@example.org", "ANA@example.org", "ana", "acme", "<b>" })
            pages.Add(await (await visit.SendAsync("/login/forgot", "/login/forgot", ("who", who))).Content.ReadAsStringAsync());
        Assert.Single(pages.Select(p => Regex.Replace(p, "name=\"_token\" value=\"[^\"]*\"", "")).Distinct());
        var sent = Assert.Single(await SentAsync());    // asked for twice within ten minutes
        Assert.Equal(("ana@example.org", "hub@example.org", "Set a new password"),
            (sent.To.Mailboxes.Single().Address, sent.From.Mailboxes.Single().Address, sent.Subject));
        var join = LinkOf(sent);
        Assert.Equal(HttpStatusCode.SeeOther,
            (await visit.SendAsync(join, "/join", ("code", join.Split('=')[1]), ("name", "ana"),
                ("password", "a password that is new"))).StatusCode);
        using var again = new PageVisit(_hub);
        Assert.Equal(HttpStatusCode.SeeOther,
            (await again.SendAsync("/login", "/login", ("name", "ana"), ("password", "a password that is new"))).StatusCode);
        await _hub.Accounts.SuspendAsync("ben", true, default);
        await visit.SendAsync("/login/forgot", "/login/forgot", ("who", "ben"));
        Assert.Empty(await SentAsync());
    }

    [Fact]
    public async Task An_address_is_ones_own_once_its_link_was_followed_and_notifications_go_there()
    {
        using var ana = await PageVisit.OfAsync(_hub, "ana");
        using var ben = await PageVisit.OfAsync(_hub, "ben");
        Task<HttpResponseMessage> Change(PageVisit visit, params (string, string)[] fields) =>
            visit.SendAsync("/settings/mail", "/settings/mail", fields);
        foreach (var wrong in new[] { "ana", "ana@", "a b@example.org", "ana@example.org\nBcc: ben@example.org",
            "Ana <ana@example.org>", "a@x, b@y", "" })
            Assert.Equal(HttpStatusCode.BadRequest, (await Change(ana, ("do", "address"), ("address", wrong))).StatusCode);
        // Who sits at a browser that is signed in does not take the account over by its address.
        foreach (var guess in new[] { "", "wrong horse battery" })
            foreach (var what in new[] { "address", "remove" })
                Assert.Equal(HttpStatusCode.BadRequest,
                    (await Change(ana, ("do", what), ("address", "thief@lab.example"), ("current", guess))).StatusCode);
        Assert.Empty(await SentAsync());
        Assert.Equal(HttpStatusCode.OK,
            (await Change(ana, ("do", "address"), ("address", "ana@lab.example"), ("current", PageVisit.Password))).StatusCode);
        var asked = Assert.Single(await SentAsync());
        Assert.Equal("ana@lab.example", asked.To.Mailboxes.Single().Address);
        var ticket = LinkOf(asked).Split('=')[1];
        Assert.Equal("ana@example.org", (await _hub.Accounts.FindAsync("ana", default))!.Email);
        Assert.Equal(404, (await ben.GetAsync(LinkOf(asked))).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await Change(ben, ("do", "confirm"), ("ticket", ticket))).StatusCode);
        Assert.Contains("ana@lab.example is mine", (await ana.GetAsync(LinkOf(asked))).Html);
        Assert.Equal(HttpStatusCode.OK, (await Change(ana, ("do", "confirm"), ("ticket", ticket))).StatusCode);
        Assert.Equal("ana@lab.example", (await _hub.Accounts.FindAsync("ana", default))!.Email);

        Assert.Contains("name=\"current\"", (await ana.GetAsync("/settings/mail")).Html);
        await Change(ana, ("do", "notify"), ("notify", "on"));
        var repo = await _hub.CreateRepoAsync("talked");
        await _hub.PostJsonAsync($"/api/models/{repo}/discussions",
            new { title = "A question\r\nBcc: x@y", description = "Why?" }, _hub.Ben);
        await The<Banyan.Server.Notifications.Notifier>().TellAsync(default);
        Assert.False(await The<NotificationMail>().IsWaitingAsync(default));    // read within two minutes it is not mailed
        _clock.Ahead += TimeSpan.FromMinutes(3);
        await The<NotificationMail>().RunAsync(new(null), default);
        var news = Assert.Single(await SentAsync());
        Assert.Equal(("1 notification", "ana@lab.example"), (news.Subject, news.To.Mailboxes.Single().Address));
        Assert.Contains($"{Hub}/{repo}/discussions/1", news.TextBody);
        Assert.False(await The<NotificationMail>().IsWaitingAsync(default));
        var log = The<AuditLog>();
        await log.SealAsync(default);
        Assert.Contains(await log.ReadAsync(new(), null, 1000, backwards: false, default),
            e => e is { Action: "user.email", Target: "ana" } && !$"{e.Detail}".Contains('@'));
    }

    [Fact]
    public async Task Administrators_mail_invitations_and_accounts()
    {
        await _hub.Accounts.SetAdminAsync("ana", true, default);
        using var ana = await PageVisit.OfAsync(_hub, "ana");
        await ana.SendAsync("/settings/users", "/settings/users", ("do", "invite"), ("mail", "guest@example.org"));
        await ana.SendAsync("/settings/users", "/settings/users", ("do", "add"), ("name", "cora"), ("mail", "cora@example.org"));
        Assert.Equal(HttpStatusCode.BadRequest,
            (await ana.SendAsync("/settings/users", "/settings/users", ("do", "add"), ("name", "dora"), ("mail", "dora"))).StatusCode);
        Assert.Null(await _hub.Accounts.FindAsync("dora", default));
        var sent = await SentAsync();
        Assert.Equal(["guest@example.org", "cora@example.org"], sent.Select(m => m.To.Mailboxes.Single().Address));
        using var cora = new PageVisit(_hub);
        var code = LinkOf(sent[1]).Split('=')[1];
        Assert.Equal(HttpStatusCode.SeeOther,
            (await cora.SendAsync(LinkOf(sent[1]), "/join", ("code", code), ("name", "cora"),
                ("password", "a password of cora"))).StatusCode);
        using var guest = new PageVisit(_hub);
        Assert.Equal(200, (await guest.GetAsync(LinkOf(sent[0]))).Status);
    }

    [Fact]
    public async Task What_the_server_does_not_take_is_sent_later_or_dropped_and_no_message_names_an_address()
    {
        async Task<MimeMessage[]> TryAsync()
        {
            try
            {
                return await SentAsync();
            }
            catch (InvalidOperationException e)
            {
                Assert.DoesNotContain("@", e.ToString());
                return [];
            }
        }
        var queue = The<MailQueue>();
        Task Add(string to) => queue.AddAsync(to, "Subject", "Text", Banyan.Server.Pages.Languages.PageLanguage.English, default);
        Task<long> WaitingAsync() => The<HubDatabase>().ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM mails"), default);
        await Add("refused@example.org");
        await Add("taken@example.org");
        Assert.Equal("taken@example.org", Assert.Single(await SentAsync()).To.Mailboxes.Single().Address);
        Assert.Equal(0, await WaitingAsync());
        await _mail.DisposeAsync();
        await Add("late@example.org");
        Assert.Empty(await TryAsync());
        Assert.Equal(1, await WaitingAsync());
        Assert.Equal("mail.example.org:465 takes no mail: it answers 550",
            MailJob.Problem(MailOptions.Parse("smtps://mail.example.org", "a@b.c", null)!,
            new MailKit.Net.Smtp.SmtpCommandException(MailKit.Net.Smtp.SmtpErrorCode.UnexpectedStatusCode,
                MailKit.Net.Smtp.SmtpStatusCode.MailboxUnavailable, "late@example.org: no such user")));
        _clock.Ahead += TimeSpan.FromMinutes(1);
        _mail.Start();
        Assert.Equal("late@example.org", Assert.Single(await SentAsync()).To.Mailboxes.Single().Address);
        await _mail.DisposeAsync();
        await Add("never@example.org");
        for (var hours = 0; hours < 52; hours += 2, _clock.Ahead += TimeSpan.FromHours(2))
            await TryAsync();
        Assert.Equal(0, await WaitingAsync());
    }

    [Fact]
    public void Options_are_read_or_refused()
    {
        Assert.Equal(new MailOptions
        {
            Host = "mail.example.org",
            Port = 465,
            IsTls = true,
            User = "hub@example.org",
            Password = "s",
            From = "a@b.c"
        }, MailOptions.Parse("smtps://hub%40example.org@mail.example.org", "a@b.c", "s"));
        Assert.Equal((587, false, false), MailOptions.Parse("smtp://mail.example.org", "a@b.c", null) is { } plain
            ? (plain.Port, plain.IsTls, plain.IsLocal) : default);
        foreach (var wrong in new[] { "mail.example.org", "https://x", "smtp://user:password@x", "smtp://x/path", "smtp://" })
            Assert.Null(MailOptions.Parse(wrong, "a@b.c", null));
        Assert.Null(MailOptions.Parse("smtp://x", "nobody at all@", null));
    }

    /// <summary>
    /// A server that offers STARTTLS with a certificate nobody vouches for gets nothing, not even in the clear; nor does one that
    /// offers none, unless its name says that it is on this machine. The mail still waits.
    /// </summary>
    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Mail_goes_to_no_server_that_cannot_be_trusted(bool isLocal, bool offersTls)
    {
        var host = isLocal ? "127.0.0.1" : Environment.MachineName;
        if ((await Dns.GetHostAddressesAsync(host, AddressFamily.InterNetwork, TestContext.Current.CancellationToken))
            .FirstOrDefault(IPAddress.IsLoopback) is not { } at)
        {
            Assert.Skip("this machine's own name is not one of its loopback");
            return;
        }
        using var key = RSA.Create(2048);
        using var certificate = new CertificateRequest($"CN={host}", key,
            HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var mail = new MailServer();
        mail.Start(offersTls ? certificate : null, at);
        await using var hub = await HubServer.StartAsync(change: o => o with
        {
            PublicUrl = Hub,
            Mail = MailOptions.Parse($"smtp://{host}:{mail.Port}", "hub@example.org", null)
        });
        using var visit = new PageVisit(hub);
        await visit.SendAsync("/login/forgot", "/login/forgot", ("who", "ana@example.org"));
        Assert.StartsWith(
            $"{host}:{mail.Port} takes no mail: {(offersTls ? "SslHandshakeException" : "NotSupportedException")}",
            await FailureAsync(hub), StringComparison.Ordinal);
        Assert.Empty(mail.Take());
        Assert.Equal(1, await hub.Server.Services.GetRequiredService<HubDatabase>()
            .ReadAsync(c => c.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM mails"), default));
    }

    /// <summary>
    /// With an authority of one's own, as organizations have: mail goes encrypted to the server that it vouches for, and to no other.
    /// </summary>
    [Theory]
    [InlineData("127.0.0.1", true, "")]
    [InlineData("127.0.0.2", true, "SslHandshakeException")]
    [InlineData("127.0.0.1", false, "SslHandshakeException")]
    public async Task Mail_goes_encrypted_to_a_server_that_the_authority_vouches_for(string name, bool isOurs, string problem)
    {
        using X509Certificate2 ours = Authority("CN=ours"), other = Authority("CN=other");
        using var certificate = Server(isOurs ? ours : other, IPAddress.Parse(name));
        await using var mail = new MailServer();
        mail.Start(certificate);
        await using var hub = await HubServer.StartAsync(change: o => o with
        {
            PublicUrl = Hub,
            Mail = MailOptions.Parse($"smtp://127.0.0.1:{mail.Port}", "hub@example.org", null)! with
            {
                Authorities = [X509CertificateLoader.LoadCertificate(ours.RawData)]
            }
        });
        using var visit = new PageVisit(hub);
        await hub.Server.Services.GetRequiredService<HubDatabase>()
            .WriteAsync(t => t.ExecuteAsync("UPDATE accounts SET email = 'ana@example.org' WHERE name = 'ana'"), default);
        await visit.SendAsync("/login/forgot", "/login/forgot", ("who", "ana@example.org"));
        if (problem.Length > 0)
        {
            Assert.Contains(problem, await FailureAsync(hub));
            Assert.Empty(mail.Take());
            return;
        }
        await hub.Server.Services.GetRequiredService<MailJob>().RunAsync(new(null), default);
        Assert.Equal("ana@example.org", Assert.Single(mail.Take()).To.ToString());
        Assert.True(mail.WasEncrypted);
    }

    /// <summary>What a delivery fails with: the hub's own job may come first, and after it the mail is due later.</summary>
    static async Task<string> FailureAsync(HubServer hub)
    {
        for (var attempt = 0; attempt < 10; attempt++)
        {
            try
            {
                await hub.Server.Services.GetRequiredService<MailJob>().RunAsync(new(null), default);
            }
            catch (InvalidOperationException e)
            {
                return e.Message;
            }
            await hub.Server.Services.GetRequiredService<HubDatabase>()
                .WriteAsync(t => t.ExecuteAsync("UPDATE mails SET due_at = 0"), default);
        }
        return "none";
    }

    static X509Certificate2 Authority(string name)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest(name, key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2));
    }

    static X509Certificate2 Server(X509Certificate2 authority, IPAddress address)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=mail", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(address);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1")], false));
        using var bare = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1), [1]);
        return bare.CopyWithPrivateKey(key);
    }

    /// <summary>SmtpServer of NuGet, which takes all mail but that to one address.</summary>
    sealed class MailServer : MessageStore, IMailboxFilter, IAsyncDisposable
    {
        readonly List<MimeMessage> _taken = [];
        CancellationTokenSource? _ending;
        Task _running = Task.CompletedTask;

        public int Port { get; } = FreePort();

        /// <summary>Whether the last mail came over TLS.</summary>
        public bool WasEncrypted { get; private set; }

        /// <summary>Starts it; with a certificate it offers STARTTLS.</summary>
        public void Start(X509Certificate2? certificate = null, IPAddress? at = null)
        {
            _ending = new();
            var services = new SmtpServer.ComponentModel.ServiceProvider();
            services.Add((IMessageStore)this);
            services.Add((IMailboxFilter)this);
            _running = new SmtpServer.SmtpServer(new SmtpServerOptionsBuilder().ServerName("localhost")
                .Endpoint(e =>
                {
                    e.Endpoint(new IPEndPoint(at ?? IPAddress.Loopback, Port));
                    if (certificate is not null)
                        e.Certificate(certificate);
                }).Build(), services).StartAsync(_ending.Token);
        }

        public IReadOnlyList<MimeMessage> Take()
        {
            lock (_taken)
            {
                MimeMessage[] taken = [.. _taken];
                _taken.Clear();
                return taken;
            }
        }

        public override Task<SmtpResponse> SaveAsync(ISessionContext context, IMessageTransaction transaction,
            ReadOnlySequence<byte> buffer, CancellationToken cancellationToken)
        {
            WasEncrypted = context.Pipe.IsSecure;
            lock (_taken)
                _taken.Add(MimeMessage.Load(new MemoryStream(buffer.ToArray()), cancellationToken));
            return Task.FromResult(SmtpResponse.Ok);
        }

        public Task<bool> CanAcceptFromAsync(ISessionContext context, IMailbox from, int size, CancellationToken cancellationToken) =>
            Task.FromResult(true);

        public Task<bool> CanDeliverToAsync(ISessionContext context, IMailbox to, IMailbox from, CancellationToken cancellationToken) =>
            Task.FromResult(to.User != "refused");

        public async ValueTask DisposeAsync()
        {
            if (_ending is null)
                return;
            await _ending.CancelAsync();
            try
            {
                await _running;
            }
            catch (OperationCanceledException)
            {
            }
            _ending.Dispose();
            _ending = null;
        }

        static int FreePort()
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return ((IPEndPoint)socket.LocalEndPoint!).Port;
        }
    }
}
