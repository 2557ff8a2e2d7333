using Banyan.Server.Access;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.OAuth;

/// <summary><c>POST /oauth/device</c>: a program without a browser begins to wait for its user (RFC 8628 3.1).</summary>
sealed class DeviceEndpoint(DeviceCodes codes, HubAddress address, TimeProvider time)
{
    readonly CallerBudget _budget = new(most: 30, perSecond: 1, time);

    public Task HandleAsync(HttpContext context) => OAuthAnswers.AnswerAsync(context, async form =>
    {
        var client = form.Field("client_id") == OAuthClient.CommandLine.Id ? OAuthClient.CommandLine
            : throw OAuthException.InvalidClient("This client_id is not one that signs in by a code: huggingface_hub's is.");
        _budget.Take(context, Caller.Anonymous, 1);
        var (device, user) = await codes.BeginAsync(client, context.Request.Headers.UserAgent.ToString(), context.RequestAborted);
        var page = $"{address.Root(context)}/oauth/device";
        return new
        {
            device_code = device,
            user_code = user,
            verification_uri = page,
            verification_uri_complete = $"{page}?user_code={user}",
            expires_in = (int)DeviceCodes.Life.TotalSeconds,
            interval = DeviceCodes.Interval,
        };
    });
}
