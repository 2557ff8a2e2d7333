using Banyan.Server.Access;
using Banyan.Server.Accounts;
using Banyan.Server.Auditing;
using Banyan.Server.Jobs;
using Banyan.Server.Cards;
using Banyan.Server.Collections;
using Banyan.Server.Commits;
using Banyan.Server.Content;
using Banyan.Server.Discovery;
using Banyan.Server.Discussions;
using Banyan.Server.Files;
using Banyan.Server.Following;
using Banyan.Server.Gating;
using Banyan.Server.Git;
using Banyan.Server.Groups;
using Banyan.Server.Lfs;
using Banyan.Server.Mail;
using Banyan.Server.Likes;
using Banyan.Server.Listing;
using Banyan.Server.Maintenance;
using Banyan.Server.Notifications;
using Banyan.Server.OAuth;
using Banyan.Server.Pages.Languages;
using Banyan.Server.Quotas;
using Banyan.Server.Reports;
using Banyan.Server.Repos;
using Banyan.Server.Shipped;
using Banyan.Server.SignIn;
using Banyan.Server.Storage;
using Banyan.Server.Storage.Databases;
using Banyan.Server.Storage.Objects;
using Banyan.Server.Tuning;
using Banyan.Server.Viewer;
using Banyan.Server.Webhooks;
using Banyan.Server.Xet;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Banyan.Server.Hub;

/// <summary>The hub: repositories of models, data sets and spaces, over the API that Hugging Face's clients speak.</summary>
static partial class HubFeature
{
    /// <summary>Opens the hub's database and object store, and registers the services that use them.</summary>
    public static void AddHub(this IServiceCollection services, HubOptions options)
    {
        Private.CreateFolder(options.DataFolder);
        Private.CreateFolder(options.SpoolFolder);
        services.AddSingleton(options);
        services.AddSingleton(s =>
            options.OpenDatabase(what => LogUpgrade(s.GetRequiredService<ILoggerFactory>().CreateLogger("Banyan.Server"), what)));
        services.AddSingleton(_ => options.OpenObjects());
        services.AddSingleton(new ContentOptions { SpoolFolder = options.SpoolFolder, Grace = options.Grace });
        services.AddSingleton<ContentStore>();
        services.AddSingleton<HeldFiles>();
        services.AddSingleton<HubAddress>();
        services.AddSingleton<HubMode>();
        services.AddSingleton<HubModeApi>();
        services.AddSingleton<OwnerlessNames>();
        services.AddSingleton<MatcherPolicy, PageRoutes>();
        services.AddAuditing();
        services.AddQuotas();
        services.AddAccounts();
        services.AddGroups();
        services.AddSignIn();
        services.AddOAuth();
        services.AddRepos();
        services.AddGit();
        services.AddFiles();
        services.AddViewer();
        services.AddCommits();
        services.AddCards();
        services.AddReports();
        services.AddListing();
        services.AddDiscovery();
        services.AddTuning();
        services.AddGating();
        services.AddDiscussions();
        services.AddLikes();
        services.AddCollections();
        services.AddFollowing();
        services.AddNotifications();
        services.AddMail();
        services.AddWebhooks();
        services.AddXet();
        services.AddLfs();
        services.AddMaintenance();
        services.AddJobs();
        services.AddHostedService<PublishShipped>();
    }

    /// <summary>Refuses readers and changes as <see cref="HubMode"/> says.</summary>
    public static void UseHubMode(this WebApplication app)
    {
        var (mode, authoriser) = (app.The<HubMode>(), app.The<Authoriser>());
        app.Use(async (context, next) =>
        {
            if (context.GetEndpoint()?.Metadata.GetMetadata<HubRoute>() is { } route)
            {
                if (route.Changes)
                    await mode.CheckChangeAsync(context.RequestAborted);
                if (!route.IsOpen && await mode.IsForMembersAsync(context.RequestAborted)
                    && (await authoriser.CallerAsync(context)).IsAnonymous)
                    throw new HubException(401, null,
                        "This hub is for its users: sign in, or send a token (with git as the password).")
                    {
                        Challenge = Authoriser.ChallengeOf(context)
                    };
            }
            await next(context);
        });
    }

    /// <summary>Maps its routes; features of Hugging Face's hub that this one lacks answer 501.</summary>
    public static void MapHub(this WebApplication app)
    {
        _ = app.The<HubDatabase>();   // a database that cannot be opened stops the start, not a request
        _ = app.The<IObjectStore>();
        app.MapAccounts();
        app.MapGroups();
        app.MapSignIn();
        app.MapOAuth();
        app.MapAuditing();
        app.MapJobs();
        app.MapQuotas();
        app.MapRepos();
        app.MapGit();
        app.MapFiles();
        app.MapViewer();
        app.MapCommits();
        app.MapCards();
        app.MapReports();
        app.MapListing();
        app.MapDiscovery();
        app.MapLanguageChoice();
        Machine.MapMachineChoice(app);
        app.MapTuning();
        app.MapGating();
        app.MapDiscussions();
        app.MapLikes();
        app.MapCollections();
        app.MapFollowing();
        app.MapNotifications();
        app.MapMail();
        app.MapWebhooks();
        app.MapXet();
        app.MapLfs();
        var mode = app.The<HubModeApi>();
        app.MapHub("GET", "/api/settings/hub", Need.User, mode.ShowAsync);
        app.MapHub("PUT", "/api/settings/hub", Need.User, mode.SetAsync, traits: RouteTraits.Reads);   // by it the hub takes changes again
        // Clients say what they are used for; nothing is kept.
        foreach (var method in (ReadOnlySpan<string>)["HEAD", "GET", "POST"])
            app.MapHub(method, "/api/telemetry/{**rest}", Need.Nothing, _ => Task.CompletedTask,
                traits: RouteTraits.Reads | RouteTraits.Open);
        foreach (var (pattern, what) in (ReadOnlySpan<(string, string?)>)[("/api/{**rest}", null),
            ("/oauth/{**rest}", "This part of OAuth is not part of this hub.")])
            app.MapFallback(pattern,
                (RequestDelegate)(context =>
                    throw (what is null ? HubException.NotImplemented($"{context.Request.Method} {context.Request.Path}")
                        : new HubException(501, "NotImplemented", what))))
                .WithMetadata(new HubRoute(Need.Nothing, null, "GET", RouteTraits.Open));
        app.The<OwnerlessNames>().Use(app);
    }

    [LoggerMessage(LogLevel.Information, "{What}")]
    static partial void LogUpgrade(ILogger log, string what);

    /// <summary>The one service of a type.</summary>
    public static T The<T>(this WebApplication app) where T : notnull => app.Services.GetRequiredService<T>();
}
