using System.Net;
using System.Net.Http.Headers;
using Banyan.Server.Accounts;
using Banyan.Server.SignIn;
using Banyan.Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Banyan.Server.Tests.Pages;

/// <summary>A browser without script: cookies, pages, forms with their hidden fields.</summary>
sealed class PageVisit : IDisposable
{
    readonly HttpClient _client;

    public PageVisit(HubServer hub)
    {
        Cookies = new();
        _client = new(new HttpClientHandler { CookieContainer = Cookies, AllowAutoRedirect = false }) { BaseAddress = new(hub.Address) };
        _client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        Address = hub.Address;
    }

    public CookieContainer Cookies { get; }

    public string Address { get; }

    /// <summary>The password of those who <see cref="OfAsync"/> signs in.</summary>
    public const string Password = "correct horse battery";

    /// <summary>A visit of a user who has signed in by password.</summary>
    public static async Task<PageVisit> OfAsync(HubServer hub, string user)
    {
        var services = hub.Server.Services;
        await services.GetRequiredService<Passwords>().SetAsync((await hub.Accounts.FindAsync(user, default))!, Password, default);
        var visit = new PageVisit(hub);
        var response = await visit.SendAsync("/login", "/login", ("name", user), ("password", Password));
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        return visit;
    }

    public async Task<(int Status, string Html)> GetAsync(string path)
    {
        var response = await _client.GetAsync(path);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    /// <summary>Sends a form of a page with its token.</summary>
    public async Task<HttpResponseMessage> SendAsync(string page, string action, params (string Name, string Value)[] fields) =>
        await PostAsync(action, [("_token", await TokenAsync(page)), .. fields]);

    /// <summary>The token of a page's forms.</summary>
    public async Task<string> TokenAsync(string page) =>
        (await GetAsync(page)).Html.Split("name=\"_token\" value=\"") is [_, var rest, ..] ? rest.Split('"')[0] : "";

    public Task<HttpResponseMessage> PostAsync(string action, params (string Name, string Value)[] fields) =>
        _client.PostAsync(action, new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))));

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) => _client.SendAsync(request);

    public void Dispose() => _client.Dispose();
}
